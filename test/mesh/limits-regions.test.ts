/**
 * One budget, eight regions, and more requests than it has tokens: how many are admitted, and for how many calls.
 *
 * Promises of what is admitted at least hold where enough is asked for. Only windows are judged in which that was so, and
 * a machine that cannot ask so fast is asked for less: for windows that are four times as long.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RegionName } from "../../durable-objects/names.ts";
import type { LocalMesh } from "../../local/mesh.ts";
import { isLongRun } from "../support/long-run.ts";
import { startMesh } from "../support/mesh.ts";
import { RequestFlood, type FloodAnswer } from "../support/request-flood.ts";
import { turnsOf, wholeWindows, windowCounts } from "../support/window-counts.ts";

const regions: readonly RegionName[] = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr"];
const quota = 1_000;
const windowLengths = [1_000, 4_000] as const;
/** How much is asked for is learnt in these. */
const learningWindows = 2;
/** So many windows are judged at least, of at most so many. */
const leastJudged = isLongRun ? 30 : 3;
const mostWindows = leastJudged * 2;

let origin: Server;
let mesh: LocalMesh;

beforeAll(async () => {
  origin = createServer((_request, response) => {
    response.writeHead(200, { "X-Arrived-At": Date.now(), "Content-Length": 0 }).end();
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const { port } = origin.address() as AddressInfo;
  const configFile = join(import.meta.dirname, "limits-regions.config.ts");
  mesh = await startMesh({ configFile, regions, origins: { "*": `http://127.0.0.1:${port}` }, faults: true });
});
afterAll(async () => {
  await mesh.stop();
  origin.closeAllConnections();
  origin.close();
});

/** All answers so far, and when the flood began and, so far, ended; ms since 1970. */
interface Heard {
  readonly answers: FloodAnswer[];
  readonly windowMs: number;
  readonly fromAt: number;
  toAt: number;
}

type Drive = (flood: RequestFlood, heard: Heard) => Promise<void>;

/** Sends to all regions at one route, as `drive` has it, and hears all answers. */
async function flood(path: string, windowMs: number, drive: Drive): Promise<Heard> {
  const heard: Heard = { answers: [], windowMs, fromAt: Date.now(), toAt: Infinity };
  await using requests = await RequestFlood.open({
    ports: mesh.edges.map(({ port }) => port),
    path: `${path}/${windowMs}`,
    fields: ["X-Client: one"],
    connections: 4,
    onAnswer: (answer) => heard.answers.push(answer),
  });
  await drive(requests, heard);
  heard.toAt = Date.now();
  await requests.drained();
  return heard;
}

interface Demanded {
  /** Requests in a window that were sent and answered in it. */
  readonly least: number;
  /** The longest that any of them took, as a part of the window. */
  readonly longestTrip: number;
}

/** The windows in which so much was asked for; not the first ones. */
function judged({ answers, windowMs, fromAt, toAt }: Heard, { least, longestTrip }: Demanded): readonly number[] {
  const asked = new Map<number, number>();
  const slow = new Set<number>();
  for (const { sentAt, receivedAt } of answers) {
    const [first, last] = [Math.floor(sentAt / windowMs), Math.floor(receivedAt / windowMs)];
    if (first === last) asked.set(first, (asked.get(first) ?? 0) + 1);
    if (receivedAt - sentAt <= longestTrip * windowMs) continue;
    for (let window = first; window <= last; window += 1) slow.add(window);
  }
  return wholeWindows(fromAt, Math.min(toAt, Date.now()), windowMs)
    .slice(learningWindows)
    .filter((window) => (asked.get(window) ?? 0) >= least && !slow.has(window));
}

/** Whether enough was heard, or no more will help. */
function isEnough(heard: Heard, demanded: Demanded): boolean {
  const windows = wholeWindows(heard.fromAt, Date.now(), heard.windowMs).length - learningWindows;
  if (windows < leastJudged) return false;
  const { length } = judged(heard, demanded);
  return length === 0 || length >= leastJudged || windows >= mostWindows;
}

/** Nothing is admitted beyond the quota, judged or not. Tells how many were in the windows that are judged. */
function admittedIn(windows: readonly number[], { answers, windowMs }: Heard): readonly number[] {
  const admissions = answers.flatMap(({ status, sentAt, arrivedAt }) =>
    status === 200 && arrivedAt !== null ? [{ sentAt, arrivedAt }] : [],
  );
  const { admitted, excess } = windowCounts(admissions, windowMs, quota);
  expect(excess).toBe(0);
  return windows.map((window) => admitted.get(window) ?? 0);
}

function rateOf({ answers, fromAt, toAt }: Heard): string {
  return `${((answers.length / (toAt - fromAt)) * 1_000).toFixed(0)} requests a second`;
}

function until(at: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
}

/** Charges and returns so far, by edge. */
async function limiterCalls(): Promise<readonly number[]> {
  return Promise.all(
    mesh.edges.map(async ({ name }) => {
      const calls = Object.entries(await mesh.faults.calls(name));
      return calls.reduce((sum, [what, count]) => (what.startsWith("fetch>Limiter.") ? sum + count : sum), 0);
    }),
  );
}

/**
 * For an isolate and window. At 20 000 requests a second they are 3 (the simulation holds them to 4): all isolates ask at
 * once. Fewer arrive over these sockets, so that they ask one after another, and now and then once more.
 */
const mostCalls = 8;

test(
  "L1 L2 what eight regions admit of a flood is exactly the quota in each window, for few calls",
  { timeout: 300_000 },
  async () => {
    const demanded: Demanded = { least: quota * 3, longestTrip: 1 / 5 };
    for (const windowMs of windowLengths) {
      /** By the window in whose middle they were counted: what is asked for a window is asked before its middle. */
      const calls = new Map<number, readonly number[]>();
      const heard = await flood("/flooded", windowMs, async (requests, soFar) => {
        requests.run(4);
        while (!isEnough(soFar, demanded)) {
          const window = Math.floor(Date.now() / windowMs);
          await until((window + 0.5) * windowMs);
          calls.set(window, await limiterCalls());
          await until((window + 1) * windowMs + 1);
        }
      });
      const windows = judged(heard, demanded);
      const admitted = admittedIn(windows, heard);
      const each = windows.flatMap((window) => {
        const before = calls.get(window - 1);
        return before === undefined ? [] : (calls.get(window) ?? []).map((count, edge) => count - (before[edge] ?? 0));
      });
      const mean = each.reduce((sum, count) => sum + count, 0) / Math.max(1, each.length);
      const told = `calls an isolate and window ${mean.toFixed(2)}, at most ${Math.max(0, ...each)}`;
      console.log(`${rateOf(heard)}; admitted ${admitted.join(" ")}; ${told}`);
      if (windows.length < leastJudged) continue;
      expect(admitted).toEqual(windows.map(() => quota));
      expect(mean).toBeLessThanOrEqual(mostCalls);
      return;
    }
    expect.fail("in no window was enough asked for");
  },
);

/** A little more than a fifth over the quota, because some of it goes by the ends of a window. */
const pacedDemand = quota * 1.26;

/** Asks steadily, each region as often as its weight says. */
function atPace(weights: readonly number[], demanded: Demanded): Drive {
  const turns = turnsOf(weights);
  return async (requests, heard) => {
    let sent = 0;
    while (!isEnough(heard, demanded)) {
      const due = Math.floor(((Date.now() - heard.fromAt) / heard.windowMs) * pacedDemand);
      requests.send(Array.from({ length: due - sent }, (_, index) => turns[(sent + index) % turns.length] ?? 0));
      sent = due;
      await until(Date.now() + 2);
    }
  };
}

test.each([
  ["evenly", "/even", [1, 1, 1, 1, 1, 1, 1, 1]],
  ["unevenly", "/uneven", [40, 20, 13, 10, 8, 7, 6, 5]],
] as const)(
  "L3 of a fifth more than the quota, spread %s over eight regions, 98 of 100 tokens are admitted in each window",
  { timeout: 300_000 },
  async (_, path, weights) => {
    const demanded: Demanded = { least: quota * 1.2, longestTrip: 1 / 10 };
    for (const windowMs of windowLengths) {
      const heard = await flood(path, windowMs, atPace(weights, demanded));
      const windows = judged(heard, demanded);
      const admitted = admittedIn(windows, heard);
      console.log(`${rateOf(heard)}; admitted ${admitted.join(" ")}`);
      if (windows.length < leastJudged) continue;
      for (const count of admitted) expect(count).toBeGreaterThanOrEqual(quota * 0.98);
      return;
    }
    expect.fail("in no window was enough asked for");
  },
);
