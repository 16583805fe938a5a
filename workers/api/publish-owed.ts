/**
 * Gives the Log the events that an object has decided and owes. The object sends them by itself, too: their ids make
 * that one event, and whoever comes first gives its caller receipts.
 */
import type { Ack, NewEvent } from "../../durable-objects/log/contract.ts";
import type { Isolate } from "../isolate.ts";
import { publishedAnswer, type PublishedAnswer } from "./published.ts";

/** The answer is that of the last event: the regions apply them in order. */
export async function publishOwed(
  isolate: Pick<Isolate, "publisher">,
  context: Pick<ExecutionContext, "waitUntil">,
  events: readonly NewEvent[],
  { ack, timeoutMs }: { readonly ack: Ack; readonly timeoutMs: number },
): Promise<PublishedAnswer> {
  const last = events.at(-1);
  if (last === undefined) throw new Error("cannot publish what is owed: expected at least one event");
  for (const event of events.slice(0, -1)) {
    publishedAnswer(await isolate.publisher.publish(context, event, "none", timeoutMs), false);
  }
  return publishedAnswer(await isolate.publisher.publish(context, last, ack, timeoutMs), ack !== "none");
}
