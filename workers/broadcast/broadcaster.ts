/**
 * The queue's consumer: hands each run of events to every Region that held a lease when it was sent.
 *
 * A queue has one consumer, which runs in one place; the broadcast is its calls. A message that no Region took is tried
 * again. One that a Region missed is not: the Log's alarm and that Region's own renewal bring it, and faster.
 */
import type { AppliedReport, BroadcastMessage } from "../../durable-objects/log/contract.ts";
import { isRegionName, type RegionName } from "../../durable-objects/names.ts";
import { withinTime } from "../../durable-objects/platform/deadline.ts";
import { logStub, regionStub } from "../../durable-objects/stubs.ts";

/** A Region that hangs holds up the others of its batch no longer than this, ms. */
const callMs = 2_000;

export interface BroadcastPorts {
  readonly apply: (region: RegionName, message: BroadcastMessage) => Promise<AppliedReport | null>;
  readonly report: (reports: readonly AppliedReport[]) => Promise<void>;
}

export async function broadcast(environment: string, batch: MessageBatch, env: Env): Promise<void> {
  await handOn(batch, {
    async apply(region, message) {
      const answer = await regionStub(env, environment, region).apply(message);
      if (answer.kind !== "applied") return null;
      const { epoch, applied, viewsEndMs } = answer;
      return { region, epoch, applied, viewsEndMs };
    },
    report: (reports) => logStub(env, environment).applied({ v: 1, reports }),
  });
}

/** Messages in the order of their numbers, so that a batch that came in disorder makes no holes. */
export async function handOn(batch: MessageBatch, { apply, report }: BroadcastPorts): Promise<void> {
  const messages = batch.messages.flatMap((message) => {
    const body = readMessage(message.body);
    if (body !== null) return [{ message, body }];
    // Nobody here can read it: after its retries the dead letters keep it for the operator.
    console.error({ event: "broadcast_unreadable", id: message.id, attempts: message.attempts });
    message.retry();
    return [];
  });
  messages.sort((a, b) => a.body.after - b.body.after);
  const newest = new Map<RegionName, AppliedReport>();
  /** Who did not take one message of this batch is not waited for with the next: it has a hole, and pulls. */
  const missed = new Set<RegionName>();
  for (const { message, body } of messages) {
    const asked = body.regions.filter((region) => !missed.has(region));
    const reports = await Promise.all(asked.map((region) => applyAt(apply, region, body)));
    for (const [index, region] of asked.entries()) {
      const answer = reports[index] ?? null;
      if (answer === null) missed.add(region);
      else newest.set(region, answer);
    }
    const isTaken = body.regions.length === 0 || body.regions.some((region) => !missed.has(region));
    if (isTaken) message.ack();
    else message.retry();
  }
  if (newest.size === 0) return;
  try {
    await withinTime(report([...newest.values()]), callMs, "the Log");
  } catch (error) {
    // The Regions have the events; their next renewals tell the Log so.
    console.warn({ event: "broadcast_unreported", error: textOf(error) });
  }
}

async function applyAt(apply: BroadcastPorts["apply"], region: RegionName, message: BroadcastMessage) {
  try {
    return await withinTime(apply(region, message), callMs, region);
  } catch (error) {
    console.warn({ event: "region_unreachable", region, error: textOf(error) });
    return null;
  }
}

/** Versions n and n-1; there is one so far. */
function readMessage(body: unknown): BroadcastMessage | null {
  if (typeof body !== "object" || body === null) return null;
  const { v, epoch, after, to, events, regions } = body as Partial<BroadcastMessage>;
  const isRun = v === 1 && typeof epoch === "string" && Number.isSafeInteger(after) && Number.isSafeInteger(to);
  if (!isRun || !Array.isArray(regions) || !(regions as readonly string[]).every(isRegionName)) return null;
  if (events !== undefined && !Array.isArray(events)) return null;
  return body as BroadcastMessage;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
