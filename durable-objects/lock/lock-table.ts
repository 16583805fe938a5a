/**
 * The locks of one shard and those who wait for them. Takes every instant as an argument and never lets one run
 * backward: after a step back of the clock time stands still until it is made up for, so that no hold of another's is
 * revived and none shortened.
 */
import type {
  AcquireAnswer,
  AcquireRequest,
  HolderAnswer,
  LeaveRequest,
  LockState,
  ReleaseRequest,
  RenewRequest,
} from "./contract.ts";
import { FencingTokens } from "./fencing-tokens.ts";
import type { Ledger } from "./ledger.ts";
import {
  clear,
  decideAcquire,
  freeAt,
  grant,
  holdOf,
  release,
  renew,
  stateOf,
  withdraw,
  type LockRow,
} from "./mutex.ts";
import { WaitingLines } from "./waiting-lines.ts";

/** How long a free lock's row is kept, for copies of its requests that come late, in ms. */
const memoryMs = 600_000;

export type Outcome = AcquireAnswer | { readonly kind: "waiting"; readonly ticket: number };

/** Answers the caller of a ticket; called at most once for each. */
export type Settle = (ticket: number, answer: AcquireAnswer) => void;

export class LockTable {
  readonly #ledger: Ledger;
  readonly #settle: Settle;
  readonly #tokens: FencingTokens;
  readonly #lines = new WaitingLines();
  #clock: number;

  constructor(ledger: Ledger, settle: Settle) {
    this.#ledger = ledger;
    this.#settle = settle;
    this.#tokens = new FencingTokens(ledger);
    this.#clock = Math.max(ledger.fact("clock") ?? 0, ledger.newestSeenAt() ?? 0);
  }

  acquire(request: AcquireRequest, at: number): Outcome {
    const now = this.#tick(at);
    // Whoever waits comes first, also when its timer is late.
    this.#serve(request.lock, now);
    const row = this.#ledger.row(request.lock);
    const decision = decideAcquire(row, request, now);
    switch (decision.kind) {
      case "free":
        return this.#grant(row, request, "held", now);
      case "repeated":
        this.#ledger.save(decision.row);
        return { v: 1, kind: "acquired", hold: holdOf(decision.row, decision.row.ttlMs, now) };
      case "ended":
        return { v: 1, kind: "ended" };
      case "held":
        return request.waitMs === 0 ? heldBy(decision.by, now) : this.#wait(request, decision.by, now);
    }
  }

  renew(request: RenewRequest, at: number): HolderAnswer {
    const now = this.#tick(at);
    const row = renew(this.#ledger.row(request.lock), request, now);
    if (row === null) return { v: 1, kind: "not_holder" };
    this.#ledger.save(row);
    return { v: 1, kind: "renewed", hold: holdOf(row, request.ttlMs ?? row.ttlMs, now) };
  }

  release(request: ReleaseRequest, at: number): HolderAnswer {
    const now = this.#tick(at);
    const row = release(this.#ledger.row(request.lock), request, now);
    if (row === null) return { v: 1, kind: "not_holder" };
    this.#ledger.save(row);
    this.#serve(request.lock, now);
    return { v: 1, kind: "released", hold: holdOf(row, 0, now) };
  }

  leave({ lock, requestId }: LeaveRequest, at: number): void {
    const now = this.#tick(at);
    const waiter = this.#lines.leave(lock, ({ request }) => request.requestId === requestId);
    const row = this.#ledger.row(lock);
    if (waiter !== null && row !== null) this.#settle(waiter.ticket, heldBy(row, now));
    if (row?.state !== "offered" || row.requests.at(-1) !== requestId) return;
    this.#ledger.save(withdraw(row, now));
    this.#serve(lock, now);
  }

  /** A waiter's time is up. */
  giveUp(lock: string, ticket: number, at: number): void {
    const now = this.#tick(at);
    this.#serve(lock, now);
    const waiter = this.#lines.leave(lock, (other) => other.ticket === ticket);
    const row = this.#ledger.row(lock);
    if (waiter !== null && row !== null) this.#settle(ticket, heldBy(row, now));
  }

  clear(lock: string, at: number): LockState {
    const now = this.#tick(at);
    const row = this.#ledger.row(lock);
    const token = this.#tokens.next();
    if (row === null) return { lock, state: "free", token };
    this.#ledger.save(clear(row, token, now));
    this.#serve(lock, now);
    return this.inspect(lock, now);
  }

  inspect(lock: string, at: number): LockState {
    const row = this.#ledger.row(lock);
    return row === null ? { lock, state: "free", token: this.#tokens.last } : stateOf(row, this.#tick(at));
  }

  list(after: string, most: number, at: number): readonly LockState[] {
    const now = this.#tick(at);
    return this.#ledger.held(after, now, most).map((row) => stateOf(row, now));
  }

  /** How long until somebody in line for this lock may have to be served, ms; null when nobody waits. */
  servesInMs(lock: string, at: number): number | null {
    const row = this.#ledger.row(lock);
    if (row === null || this.#lines.first(lock) === null) return null;
    return Math.max(0, freeAt(row) - this.#tick(at));
  }

  serve(lock: string, at: number): void {
    this.#serve(lock, this.#tick(at));
  }

  /** Forgets locks that have long been free, at most `most` of them. `more`: call again; `empty`: nothing is left. */
  sweep(at: number, most: number): "more" | "some" | "empty" {
    const now = this.#tick(at);
    // The rows carry the clock; the fact carries it on.
    this.#ledger.saveFact("clock", now);
    if (this.#ledger.deleteFree(now - memoryMs, most) === most) return "more";
    return this.#ledger.hasRows() ? "some" : "empty";
  }

  #tick(at: number): number {
    this.#clock = Math.max(this.#clock, at);
    return this.#clock;
  }

  #grant(previous: LockRow | null, request: AcquireRequest, state: "held" | "offered", now: number): AcquireAnswer {
    const row = grant(previous, request, this.#tokens.next(), state, now);
    this.#ledger.save(row);
    return { v: 1, kind: state === "held" ? "acquired" : "offered", hold: holdOf(row, row.ttlMs, now) };
  }

  #wait(request: AcquireRequest, by: LockRow, now: number): Outcome {
    if (this.#lines.isFull()) return { v: 1, kind: "overloaded" };
    const { ticket, replaced } = this.#lines.join(request);
    if (replaced !== null) this.#settle(replaced, heldBy(by, now));
    return { kind: "waiting", ticket };
  }

  #serve(lock: string, now: number): void {
    const waiter = this.#lines.first(lock);
    if (waiter === null) return;
    const row = this.#ledger.row(lock);
    if (row !== null && now < freeAt(row)) return;
    this.#lines.leave(lock, ({ ticket }) => ticket === waiter.ticket);
    this.#settle(waiter.ticket, this.#grant(row, waiter.request, "offered", now));
  }
}

function heldBy(row: LockRow, now: number): AcquireAnswer {
  return { v: 1, kind: "held", holder: row.holder, expiresInMs: Math.max(0, freeAt(row) - now) };
}
