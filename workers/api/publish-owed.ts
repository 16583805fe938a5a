/**
 * Gives the Log the events that an object has decided and owes. The object sends them by itself, too: their ids make
 * that one event, and whoever comes first gives its caller receipts.
 */
import type { Ack, NewEvent } from "../../durable-objects/log/contract.ts";
import type { Isolate } from "../isolate.ts";
import { publishedAnswer, type PublishedAnswer } from "./published.ts";
import { Refused } from "./refused.ts";

type Context = Pick<ExecutionContext, "waitUntil">;

interface How {
  readonly ack: Ack;
  readonly timeoutMs: number;
}

/** The answer is that of the last event: the regions apply them in order. */
export async function publishOwed(
  isolate: Pick<Isolate, "publisher">,
  context: Context,
  events: readonly NewEvent[],
  { ack, timeoutMs }: How,
): Promise<PublishedAnswer> {
  const last = lastOf(events);
  for (const event of events.slice(0, -1)) {
    publishedAnswer(await isolate.publisher.publish(context, event, "none", timeoutMs), false);
  }
  return publishedAnswer(await isolate.publisher.publish(context, last, ack, timeoutMs), ack !== "none");
}

/**
 * Of what was decided and stands, and may never be said again: the call has not failed because its events could not be
 * published from here. The object goes on sending them.
 */
export async function publishDecided(
  isolate: Pick<Isolate, "publisher">,
  context: Context,
  events: readonly NewEvent[],
  how: How,
): Promise<PublishedAnswer> {
  try {
    return await publishOwed(isolate, context, events, how);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.warn({ event: "decided_not_told", code: error.refusal.code });
    return { status: 202, body: { id: lastOf(events).id, seq: null, regions: [] } };
  }
}

function lastOf(events: readonly NewEvent[]): NewEvent {
  const last = events.at(-1);
  if (last === undefined) throw new Error("cannot publish what is owed: expected at least one event");
  return last;
}
