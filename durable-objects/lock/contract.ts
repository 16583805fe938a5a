/**
 * A Lock object: a shard of the lock table, the only place where holds are decided.
 *
 * A hold is one holder's possession of a lock, with a deadline and a fencing token: a whole number that only grows,
 * per lock, for ever. Holders count `ttlMs` from when they sent the request, so a holder always stops first; the
 * object keeps a hold longer, for clocks that differ.
 */

export const shortestTtlMs = 1_000;
export const longestTtlMs = 3_600_000;
export const longestWaitMs = 30_000;
/** Of a holder's name and of a request's id, in characters. */
export const longestText = 128;

export interface Hold {
  readonly lock: string;
  readonly holder: string;
  readonly token: number;
  /** The length the holder may count on, from when it sent its request. */
  readonly ttlMs: number;
  /** RFC 3339; advisory, for people. */
  readonly expiresAt: string;
}

export interface AcquireRequest {
  readonly v: 1;
  readonly lock: string;
  readonly holder: string;
  readonly ttlMs: number;
  /** How long to wait in line for it; 0 does not wait. */
  readonly waitMs: number;
  /** Nobody gets it before this much time has passed since the grant, however early the release. At most `ttlMs`. */
  readonly atLeastMs: number;
  /** The same id gets the same hold, for its whole length again: a retry after a lost reply finds its own grant. */
  readonly requestId: string;
}

export type AcquireAnswer =
  | { readonly v: 1; readonly kind: "acquired"; readonly hold: Hold }
  /**
   * It was this waiter's turn. Whoever waits may be gone, so the hold is kept for moments only: the same request again
   * makes it last.
   */
  | { readonly v: 1; readonly kind: "offered"; readonly hold: Hold }
  | { readonly v: 1; readonly kind: "held"; readonly holder: string; readonly expiresInMs: number }
  /** The hold that this request once got has ended: a new hold takes a new id. */
  | { readonly v: 1; readonly kind: "ended" }
  /** Too many wait already. Nothing was done. */
  | { readonly v: 1; readonly kind: "overloaded" };

export interface RenewRequest {
  readonly v: 1;
  readonly lock: string;
  readonly holder: string;
  readonly token: number;
  /** Absent: the length it was acquired with. */
  readonly ttlMs?: number;
}

export interface ReleaseRequest {
  readonly v: 1;
  readonly lock: string;
  readonly holder: string;
  readonly token: number;
}

export interface LeaveRequest {
  readonly v: 1;
  readonly lock: string;
  readonly requestId: string;
}

export type HolderAnswer =
  | { readonly v: 1; readonly kind: "renewed" | "released"; readonly hold: Hold }
  | { readonly v: 1; readonly kind: "not_holder" };

export interface LockState {
  readonly lock: string;
  readonly state: "free" | "held";
  /** The newest token ever given for this lock, or a later one: it may have been raised since. */
  readonly token: number;
  readonly holder?: string;
  /** Until others may have it, unless it is renewed. */
  readonly expiresInMs?: number;
  /** RFC 3339. */
  readonly acquiredAt?: string;
}

export interface LockSettings {
  readonly environment: string;
}

export interface LockContract {
  acquire(request: AcquireRequest): Promise<AcquireAnswer>;
  /** Never shortens, and never brings back what has ended. */
  renew(request: RenewRequest): Promise<HolderAnswer>;
  /** The same release again is answered alike. */
  release(request: ReleaseRequest): Promise<HolderAnswer>;
  /** Whoever waits under this id has gone: its place in line and what it was offered are given up. */
  leave(request: LeaveRequest): Promise<void>;
  inspect(request: { readonly v: 1; readonly lock: string }): Promise<{ readonly v: 1; readonly state: LockState }>;
  /** Held locks of this shard in the order of their names, after `after`. */
  list(request: {
    readonly v: 1;
    readonly after: string;
    readonly limit: number;
  }): Promise<{ readonly v: 1; readonly locks: readonly LockState[] }>;
  /** The operator's release: ends a hold and raises the token. */
  clear(request: { readonly v: 1; readonly lock: string }): Promise<{ readonly v: 1; readonly state: LockState }>;
}
