/**
 * The durable lane: everything inserted goes to the queue, in order, one send under way. A send whose end is unknown
 * is sent again: regions skip what they have.
 */
import { withinTime } from "../platform/deadline.ts";
import { retryAfterMs } from "../platform/outbox.ts";
import type { BroadcastMessage } from "./contract.ts";
import type { LogCore } from "./log-core.ts";
import type { PageBounds } from "./pages.ts";

/** Of one message; the platform's limit is 128 kB, and the bytes are counted about. */
const messageBounds: PageBounds = { events: 500, bytes: 90_000 };
/** Of one send; the platform's limits are 100 and 256 kB. */
const messagesASend = 2;
const deadlineMs = 10_000;

export interface SendPorts {
  readonly core: LogCore;
  /** Null when there is no queue: then nothing is owed to it. */
  readonly send: ((messages: readonly BroadcastMessage[]) => Promise<unknown>) | null;
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export class BroadcastSender {
  readonly #ports: SendPorts;
  #sending: Promise<void> | null = null;
  #failures = 0;
  /** When to try again after a failure; null when nothing has failed. */
  #retryAt: number | null = null;

  constructor(ports: SendPorts) {
    this.#ports = ports;
  }

  get retryAt(): number | null {
    return this.#retryAt;
  }

  /** Sends what is owed, or joins who is at it; never rejects. After a failure only from its retry on. */
  async send(): Promise<void> {
    if (this.#retryAt !== null && this.#ports.now() < this.#retryAt) return;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
    });
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    try {
      while (this.#ports.core.unsent > 0) await this.#sendNext();
      this.#failures = 0;
      this.#retryAt = null;
    } catch (error) {
      // What is owed stands in storage; the alarm tries again, and renewals bring the events anyway.
      const waitMs = retryAfterMs(this.#failures, this.#ports.random());
      this.#failures += 1;
      this.#retryAt = this.#ports.now() + waitMs;
      const { unsent } = this.#ports.core;
      console.warn({ event: "broadcast_delayed", unsent, failures: this.#failures, waitMs, error: String(error) });
    }
  }

  async #sendNext(): Promise<void> {
    const { core, send, now } = this.#ports;
    const regions = core.leased(now());
    if (send === null || regions.length === 0) {
      // Nobody is reached by it, or may serve a view: whoever wants to, pulls first.
      core.queued(core.head);
      return;
    }
    const messages: BroadcastMessage[] = [];
    let after = core.queuedSeq;
    while (messages.length < messagesASend) {
      const message = core.nextMessage(after, regions, messageBounds);
      if (message === null) break;
      messages.push(message);
      after = message.to;
    }
    await withinTime(send(messages), deadlineMs, "the queue");
    core.queued(after);
  }
}
