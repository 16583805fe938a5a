/**
 * Publishers that wait until an event has reached everyone. They are woken by every report, and by one timer at the
 * next moment at which an answer can change by itself; nothing polls.
 */
import type { Ack } from "./contract.ts";

export interface AckPorts {
  readonly reachedThrough: (ack: Exclude<Ack, "none">, now: number) => number;
  /** When the next answer changes by time alone; Infinity for never. */
  readonly changesAt: (now: number) => number;
  readonly now: () => number;
  /** Calls back once; returns what takes it back. */
  readonly after: (ms: number, call: () => void) => () => void;
}

interface Waiter {
  readonly seq: number;
  readonly ack: Exclude<Ack, "none">;
  readonly until: number;
  readonly settle: (isReached: boolean) => void;
}

export class AckWaiters {
  readonly #ports: AckPorts;
  #waiters: Waiter[] = [];
  #cancelTimer: (() => void) | null = null;

  constructor(ports: AckPorts) {
    this.#ports = ports;
  }

  get count(): number {
    return this.#waiters.length;
  }

  /** Resolves with whether `ack` was reached for event `seq` within `timeoutMs`. */
  wait(seq: number, ack: Exclude<Ack, "none">, timeoutMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiters.push({ seq, ack, until: this.#ports.now() + timeoutMs, settle: resolve });
    this.wake();
    return promise;
  }

  /** Something was heard, or time has passed. */
  wake(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#waiters.length === 0) return;
    const now = this.#ports.now();
    const through = {
      regions: this.#ports.reachedThrough("regions", now),
      everywhere: this.#ports.reachedThrough("everywhere", now),
    };
    let next = this.#ports.changesAt(now);
    this.#waiters = this.#waiters.filter((waiter) => {
      const isReached = through[waiter.ack] >= waiter.seq;
      if (isReached || waiter.until <= now) {
        waiter.settle(isReached);
        return false;
      }
      next = Math.min(next, waiter.until);
      return true;
    });
    if (this.#waiters.length === 0) return;
    this.#cancelTimer = this.#ports.after(Math.max(1, next - now), () => this.wake());
  }
}
