/** P8: what a million requests through the gate cost on the platform beyond what a bare Worker costs, USD. */
import { costOfMillion, nothing, plus, times, type Usage } from "./cost.ts";
import { count, type Plan } from "./count.ts";
import { median } from "./ratio.ts";
import type { Measure, Row } from "./table.ts";

/** Both on every request, as a client's address and its subject would be. */
const limits = [
  { name: "by-address", quota: 200, windowMs: 1_000 },
  { name: "by-subject", quota: 10_000, windowMs: 60_000 },
];

type Level = Pick<Plan, "clients" | "perSecond" | "countedMs" | "warmMs"> & {
  readonly what: string;
  readonly goal: string;
};

const levels: readonly Level[] = [
  {
    what: "busy: 1000 a second of 250 clients",
    goal: "≤ 0.50",
    clients: 250,
    perSecond: 1_000,
    warmMs: 30_000,
    countedMs: 60_000,
  },
  {
    what: "medium: 20 a second of 10 clients",
    goal: "",
    clients: 10,
    perSecond: 20,
    warmMs: 60_000,
    countedMs: 600_000,
  },
  { what: "quiet: 1 a second of 1 client", goal: "", clients: 1, perSecond: 1, warmMs: 60_000, countedMs: 3_600_000 },
  {
    what: "flooded: 1000 a second, each of a new client",
    goal: "",
    clients: "fresh",
    perSecond: 1_000,
    warmMs: 6_000,
    countedMs: 10_000,
  },
];

/** An hour of the cron: the heartbeat is a request of the Worker that calls the Log. One isolate bears all of it. */
const heartbeatHour: Usage = { ...nothing, workerRequests: 60, objectRequests: 60, objectMs: 60 * 10 };

/**
 * One event, from its publisher to one Region. Requests: the publisher's and the consumer's; calls: publish, the alarm
 * that sends, apply, report; rows: two in the Log and one in the Region, all deleted some day, and three of progress.
 */
const event: Usage = {
  ...nothing,
  workerRequests: 2,
  objectRequests: 4,
  objectMs: 400,
  rowsWritten: 9,
  queueOperations: 3,
};
const eventsARequest = 1 / 1_000;

/** What the gate does beyond answering, ms of the processor; rows P1 say less. */
const processorMsARequest = 0.1;

export const platformCost: Measure = {
  ids: ["P8"],
  async run(isQuick) {
    const rows: Row[] = [];
    for (const level of levels) rows.push(await rowOf(level, isQuick ? 1 : 3));
    return rows;
  },
};

async function rowOf({ what, goal, ...level }: Level, seeds: number): Promise<Row> {
  const plans = Array.from({ length: seeds }, (_, index): Plan => {
    return { ...level, seed: index + 1, limits, mayObjectsSleep: true };
  });
  const costs = (await count(plans)).map(({ usage, requests }) => {
    const events = times(event, requests * eventsARequest);
    const heartbeats = times(heartbeatHour, level.countedMs / 3_600_000);
    const worked = { ...nothing, processorMs: requests * processorMsARequest };
    return costOfMillion([usage, events, heartbeats, worked].reduce(plus), requests);
  });
  return {
    id: "P8",
    what: `USD for a million requests over the bare Worker, token and two limits, isolate ${what}`,
    goal,
    result: median(costs).toFixed(2),
    spread: `${Math.min(...costs).toFixed(2)}–${Math.max(...costs).toFixed(2)}`,
  };
}
