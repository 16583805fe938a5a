/** A limiter of requests at once, as the library has it, in a time that only passes when it is told to. */
import { outcomeOf } from "../../library/counting.ts";
import { holdOf, type Hold } from "../../library/hold.ts";
import type { LimitRequest, RateLimiter } from "../../library/limit.ts";
import type { LimitInForce } from "../../workers/limit/taken.ts";
import { PermitWire } from "./limit-permit-wire.ts";
import { limitOf } from "./limit-wire.ts";

export class Slots implements RateLimiter<Hold> {
  readonly name = "slots";
  readonly policy = '"slots";q=1;qu="concurrent-requests"';
  readonly wire = new PermitWire();
  readonly #limit: LimitInForce;

  constructor(more: Partial<LimitInForce> = {}) {
    this.#limit = limitOf({ name: "slots", algorithm: "concurrency", quota: 1, windowMs: 10_000, ...more });
  }

  async limit({ signal }: Partial<LimitRequest> = {}): Promise<Hold> {
    const { taken, stay } = await this.wire.take(this.#limit);
    const [only] = taken;
    if (!only) throw new Error("expected an answer to the only ask: received none");
    return holdOf(outcomeOf(only), stay, signal);
  }

  /** Whether the only permit is free: who asks takes it and gives it back. */
  async isFree(): Promise<boolean> {
    using hold = await this.limit();
    return hold.success;
  }

  /** No permit can be renewed from now on, and time passes until each has ended. */
  async endPermits(): Promise<void> {
    this.wire.isAway = true;
    await this.wire.advance(10_000);
    this.wire.isAway = false;
    // The limiter has them back a guard later.
    await this.wire.advance(10_000);
  }
}

/** A body that goes on for as long as its test wants. */
export class Tap {
  readonly body: ReadableStream<Uint8Array>;
  cancelled: unknown = null;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;

  constructor() {
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: (reason) => {
        this.cancelled = reason ?? "without a reason";
      },
    });
  }

  write(text: string): void {
    this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#controller?.close();
  }

  break(): void {
    this.#controller?.error(new Error("the source broke off"));
  }
}
