/**
 * A Lock object: a shard of the lock table, the only place where holds are decided.
 *
 * A hold is one holder's possession of a lock, with a deadline and a fencing token: a whole number that only grows,
 * per lock, for ever. Holders count `ttlMs` from when they sent the request, so a holder always stops first; the
 * object keeps a hold for `guardOf(ttlMs)`.
 */

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
  /** How long to wait in line for it. */
  readonly waitMs: number;
  /** No other holder before this time, however early the release. */
  readonly atLeastMs: number;
  /** The same id gets the same hold: a retry after a lost reply finds its own grant. */
  readonly requestId?: string;
}

export type AcquireAnswer =
  | { readonly v: 1; readonly kind: "acquired"; readonly hold: Hold }
  | { readonly v: 1; readonly kind: "held"; readonly holder: string; readonly expiresInMs: number };

export type HolderAnswer =
  | { readonly v: 1; readonly kind: "renewed" | "released"; readonly hold: Hold }
  | { readonly v: 1; readonly kind: "not_holder" };

export interface LockState {
  readonly lock: string;
  readonly state: "free" | "held";
  /** The newest token ever given for this lock (at least: it may have been raised since). */
  readonly token: number;
  readonly holder?: string;
  readonly expiresInMs?: number;
  readonly acquiredAt?: string;
}

export interface LockSettings {
  readonly environment: string;
}

export interface LockContract {
  acquire(request: AcquireRequest): Promise<AcquireAnswer>;
  /** `ttlMs` absent: the length it was acquired with. */
  renew(request: { readonly v: 1; readonly lock: string; readonly holder: string; readonly token: number; readonly ttlMs?: number }): Promise<HolderAnswer>;
  release(request: { readonly v: 1; readonly lock: string; readonly holder: string; readonly token: number }): Promise<HolderAnswer>;
  inspect(request: { readonly v: 1; readonly lock: string }): Promise<{ readonly v: 1; readonly state: LockState }>;
  /** Held locks of this shard in the order of their names, after `after`. */
  list(request: { readonly v: 1; readonly after: string; readonly limit: number }): Promise<{ readonly v: 1; readonly locks: readonly LockState[] }>;
  /** The operator's release: ends a hold and raises the token. */
  clear(request: { readonly v: 1; readonly lock: string }): Promise<{ readonly v: 1; readonly state: LockState }>;
}
