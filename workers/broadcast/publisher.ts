/**
 * Where an isolate's events leave for the Log. The Log is one object for the whole mesh, so an isolate keeps one call
 * in flight and gathers what comes meanwhile into the next; a publish that waits for an ack goes by itself, because the
 * others shall not wait with it.
 *
 * A call whose answer was lost is sent once more: the ids make that harmless. After that the truth is unknown here, and
 * the same id gives it.
 */
import type { Ack, LogContract, NewEvent, PublishAnswer, Receipt } from "../../durable-objects/log/contract.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";

export type Published =
  | {
      readonly kind: "published";
      readonly id: string;
      readonly seq: number;
      readonly acknowledged: boolean;
      readonly receipts: readonly Receipt[];
    }
  | { readonly kind: "conflict" }
  /** Nothing happened. */
  | { readonly kind: "overloaded" | "malformed"; readonly detail: string }
  | { readonly kind: "outcome_unknown" };

type Waits = Pick<ExecutionContext, "waitUntil">;

interface Waiting {
  readonly event: NewEvent;
  readonly settle: (published: Published) => void;
}

/** Events in one call of the Log. */
const mostInCall = 100;
/** What a call may take beyond the time its ack may take, ms. */
const callMs = 5_000;
/** What of that is kept for a second attempt, ms. */
const retryMs = 2_000;
/** How long an event waits to be gathered before it goes by itself: the gatherer may have been reset, ms. */
const gatherMs = 1_000;

export class Publisher {
  readonly #log: () => Pick<LogContract, "publish">;
  #waiting: Waiting[] = [];
  #isInFlight = false;

  /** `log` makes a fresh stub: after an exception the last one is dead. */
  constructor(log: () => Pick<LogContract, "publish">) {
    this.#log = log;
  }

  async publish(context: Waits, event: NewEvent, ack: Ack, timeoutMs: number): Promise<Published> {
    if (ack !== "none") return only(await this.#send([event], ack, timeoutMs));
    if (!this.#isInFlight) {
      this.#isInFlight = true;
      const sent = this.#send([event], "none", 0);
      context.waitUntil(sent.then(() => this.#sendGathered()));
      return only(await sent);
    }
    return await this.#gathered(event);
  }

  /** Waits for the next call, or leaves it after a while and goes by itself. */
  async #gathered(event: NewEvent): Promise<Published> {
    let settle: (published: Published | null) => void = () => undefined;
    const outcome = new Promise<Published | null>((resolve) => {
      settle = resolve;
    });
    const waiting: Waiting = { event, settle };
    this.#waiting.push(waiting);
    const timer = setTimeout(() => settle(null), gatherMs);
    const published = await outcome;
    clearTimeout(timer);
    if (published !== null) return published;
    this.#waiting = this.#waiting.filter((each) => each !== waiting);
    this.#isInFlight = false;
    return only(await this.#send([event], "none", 0));
  }

  async #sendGathered(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, mostInCall);
      const events = batch.map(({ event }) => event);
      const outcomes = await this.#send(events, "none", 0);
      // The Log refuses a call whole: the others of the batch shall not fail with a malformed one.
      const isSpoilt = batch.length > 1 && outcomes[0]?.kind === "malformed";
      for (const [index, { event, settle }] of batch.entries()) {
        settle(isSpoilt ? only(await this.#send([event], "none", 0)) : only(outcomes.slice(index)));
      }
    }
    this.#isInFlight = false;
  }

  /** One outcome per event. Never rejects. */
  async #send(events: readonly NewEvent[], ack: Ack, timeoutMs: number): Promise<readonly Published[]> {
    const deadlineAt = Date.now() + timeoutMs + callMs;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const leftMs = deadlineAt - Date.now() - (attempt === 0 ? retryMs : 0);
      if (leftMs <= 0) break;
      try {
        const answer = this.#log().publish({ v: 1, events, ack, timeoutMs });
        const ended = await inTime(answer, leftMs);
        if (ended.kind === "answered") return outcomesOf(ended.answer, events.length);
      } catch (error) {
        if (isOverloaded(error)) {
          return events.map(() => ({ kind: "overloaded", detail: "the Log is overloaded: nothing was done" }));
        }
        console.warn({
          event: "publish_unanswered",
          attempt,
          error: error instanceof Error ? error.message : "unknown",
        });
      }
    }
    return events.map(() => ({ kind: "outcome_unknown" }));
  }
}

function outcomesOf(answer: PublishAnswer, events: number): readonly Published[] {
  if (answer.kind === "refused") {
    return Array.from({ length: events }, () => ({ kind: answer.reason, detail: answer.detail }));
  }
  const { acknowledged, receipts } = answer;
  return answer.events.map((event) =>
    event.kind === "conflict"
      ? { kind: "conflict" }
      : { kind: "published", id: event.id, seq: event.seq, acknowledged, receipts },
  );
}

function only(outcomes: readonly Published[]): Published {
  return outcomes[0] ?? { kind: "outcome_unknown" };
}

/** The platform's word that the object surely did not run the call. */
function isOverloaded(error: unknown): boolean {
  return typeof error === "object" && error !== null && "overloaded" in error && error.overloaded === true;
}
