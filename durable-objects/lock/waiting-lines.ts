/** Who waits for which lock, in order of coming. In memory only: after a restart those who still want it ask again. */
import type { AcquireRequest } from "./contract.ts";

export interface Waiter {
  /** Names the caller who is to be answered. */
  readonly ticket: number;
  readonly request: AcquireRequest;
}

/** A place costs a pending call and some hundred bytes. */
const mostWaiters = 4_096;

export class WaitingLines {
  readonly #lines = new Map<string, Waiter[]>();
  #count = 0;
  #lastTicket = 0;

  isFull(): boolean {
    return this.#count >= mostWaiters;
  }

  /** The one who has waited longest. */
  first(lock: string): Waiter | null {
    return this.#lines.get(lock)?.[0] ?? null;
  }

  /** Puts a request at the end; one that waits already keeps its place, and its former ticket is given back. */
  join(request: AcquireRequest): { readonly ticket: number; readonly replaced: number | null } {
    this.#lastTicket += 1;
    const waiter = { ticket: this.#lastTicket, request };
    const line = this.#lines.get(request.lock) ?? [];
    const place = line.findIndex((other) => other.request.requestId === request.requestId);
    const replaced = line[place]?.ticket ?? null;
    if (replaced === null) {
      line.push(waiter);
      this.#count += 1;
      this.#lines.set(request.lock, line);
    } else {
      line[place] = waiter;
    }
    return { ticket: waiter.ticket, replaced };
  }

  /** Takes a waiter out, wherever it stands; null when it is not there. */
  leave(lock: string, isMeant: (waiter: Waiter) => boolean): Waiter | null {
    const line = this.#lines.get(lock);
    const place = line?.findIndex(isMeant) ?? -1;
    if (line === undefined || place === -1) return null;
    const [waiter] = line.splice(place, 1);
    this.#count -= 1;
    if (line.length === 0) this.#lines.delete(lock);
    return waiter ?? null;
  }
}
