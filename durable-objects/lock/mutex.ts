/**
 * One lock, as a pure function of its row, a request and an instant. Whether a hold lives is a comparison with `now`,
 * never the work of a timer: an alarm that comes late, or never, changes no decision.
 */
import { guardOf } from "../platform/lease.ts";
import type { AcquireRequest, Hold, LockState, ReleaseRequest, RenewRequest } from "./contract.ts";

export interface LockRow {
  readonly lock: string;
  readonly holder: string;
  readonly token: number;
  /** As it was asked for. */
  readonly ttlMs: number;
  readonly atLeastMs: number;
  /** `offered` is a hold that its waiter has not taken up yet. */
  readonly state: "offered" | "held" | "released" | "cleared";
  readonly acquiredAt: number;
  /** The hold lives before this instant. */
  readonly endsAt: number;
  /** Nobody else before this instant, however early the release. */
  readonly notBefore: number;
  /** Ids of the newest grants' requests; the last one is this grant's. */
  readonly requests: readonly string[];
  /** When the row was written: no clock of this object reads earlier. */
  readonly seenAt: number;
}

/** How long an offer waits to be taken up: a round trip within a continent, many times over. */
const offerMs = 2_000;
/** A row may be written by one host's clock and read by another's, after the object has moved. */
const hostOffsetMs = 250;
/** So many grants back, a delayed copy of a request still finds that its hold has ended. */
const rememberedRequests = 8;

/** How long the object keeps a hold that its holder counts on for `ttlMs`. */
export function keptMs(ttlMs: number): number {
  return guardOf(ttlMs) + hostOffsetMs;
}

/** From when others may have the lock. */
export function freeAt(row: LockRow): number {
  return Math.max(row.endsAt, row.notBefore);
}

function isLive(row: LockRow, now: number): boolean {
  return (row.state === "held" || row.state === "offered") && now < row.endsAt;
}

export type Decision =
  | { readonly kind: "free" }
  | { readonly kind: "held"; readonly by: LockRow }
  | { readonly kind: "repeated"; readonly row: LockRow }
  | { readonly kind: "ended" };

export function decideAcquire(row: LockRow | null, request: AcquireRequest, now: number): Decision {
  if (row === null) return { kind: "free" };
  if (row.requests.includes(request.requestId)) {
    const isSame = row.requests.at(-1) === request.requestId && row.holder === request.holder;
    return isSame && isLive(row, now) ? { kind: "repeated", row: takenUp(row, now) } : { kind: "ended" };
  }
  return now < freeAt(row) ? { kind: "held", by: row } : { kind: "free" };
}

/** The request came again: its sender counts from the later sending, so the hold is kept from now. */
function takenUp(row: LockRow, now: number): LockRow {
  return {
    ...row,
    state: "held",
    endsAt: Math.max(row.endsAt, now + keptMs(row.ttlMs)),
    notBefore: row.acquiredAt + row.atLeastMs,
    seenAt: now,
  };
}

/** `previous` is what the lock's row was; the caller has decided that the lock is free. */
export function grant(
  previous: LockRow | null,
  request: AcquireRequest,
  token: number,
  state: "held" | "offered",
  now: number,
): LockRow {
  const { lock, holder, ttlMs, atLeastMs, requestId } = request;
  const isOffer = state === "offered";
  return {
    lock,
    holder,
    token,
    ttlMs,
    atLeastMs,
    state,
    acquiredAt: now,
    endsAt: now + keptMs(isOffer ? Math.min(ttlMs, offerMs) : ttlMs),
    // An offer that nobody takes up keeps nobody waiting.
    notBefore: isOffer ? now : now + atLeastMs,
    requests: [...(previous?.requests ?? []), requestId].slice(-rememberedRequests),
    seenAt: now,
  };
}

/** null: not the holder, or not any more. */
export function renew(row: LockRow | null, request: RenewRequest, now: number): LockRow | null {
  if (row === null || !isHoldersOwn(row, request) || !isLive(row, now)) return null;
  const endsAt = Math.max(row.endsAt, now + keptMs(request.ttlMs ?? row.ttlMs));
  return { ...row, state: "held", endsAt, notBefore: row.acquiredAt + row.atLeastMs, seenAt: now };
}

/** null: not the holder, or not any more. A row that was released before stays as it is. */
export function release(row: LockRow | null, request: ReleaseRequest, now: number): LockRow | null {
  if (row === null || !isHoldersOwn(row, request)) return null;
  if (row.state === "released") return row;
  return isLive(row, now) ? { ...row, state: "released", endsAt: now, seenAt: now } : null;
}

/** An offer that nobody is there to take up is as if it had not been made: the same request may come again. */
export function withdraw(row: LockRow, now: number): LockRow {
  return { ...row, state: "released", endsAt: now, requests: row.requests.slice(0, -1), seenAt: now };
}

/** Ends the hold, whoever has it; the greater token makes its holder's writes stale. */
export function clear(row: LockRow, token: number, now: number): LockRow {
  return { ...row, token, state: "cleared", endsAt: now, notBefore: now, seenAt: now };
}

function isHoldersOwn(row: LockRow, { holder, token }: ReleaseRequest): boolean {
  return row.holder === holder && row.token === token;
}

/** `ttlMs`: what its holder may count on from the sending that this answers. */
export function holdOf({ lock, holder, token }: LockRow, ttlMs: number, now: number): Hold {
  return { lock, holder, token, ttlMs, expiresAt: new Date(now + ttlMs).toISOString() };
}

export function stateOf(row: LockRow, now: number): LockState {
  const { lock, token, holder } = row;
  if (now >= freeAt(row)) return { lock, state: "free", token };
  const acquiredAt = new Date(row.acquiredAt).toISOString();
  return { lock, state: "held", token, holder, expiresInMs: freeAt(row) - now, acquiredAt };
}
