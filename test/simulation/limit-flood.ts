/** A flood of requests upon a few isolates, with the real desks and limiters, and what it cost. */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Budgets } from "../../durable-objects/limiter/budgets.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { Ask, LimitInForce, Taken } from "../../workers/limit/taken.ts";
import { askOf, inForce } from "./limit-planet.ts";
import { LimitWorld } from "./limit-world.ts";

export interface FloodSettings {
  readonly limit: LimitInForce;
  /** Of each isolate. */
  readonly regions: readonly RegionName[];
  readonly requests: number;
  /** The nth request: at which isolate, and for what. */
  readonly nth: (index: number) => { readonly isolate: number; readonly ask: Ask };
}

export interface Flood {
  readonly world: LimitWorld;
  readonly calls: number;
  /** How many were answered by whom, allowed or not. */
  readonly answers: Readonly<Record<`${Taken["answeredBy"]} ${"allowed" | "refused"}`, number>>;
  readonly seconds: number;
  /** JavaScript's heap, of desks and limiters together; typed arrays are not in it. */
  readonly heapBeforeBytes: number;
  readonly heapGrewBytes: number;
  /** Who answers a request for a budget of another limit that was leased before the flood. */
  readonly otherAnsweredBy: Taken["answeredBy"];
}

/** A second of it in ticks of half a millisecond. */
const perSecond = 50_000;
const perTick = perSecond / 2_000;

export async function flood({ limit, regions, requests, nth }: FloodSettings): Promise<Flood> {
  const other = inForce({ name: "other", quota: 5_000, windowMs: 60_000 });
  const world = new LimitWorld(requests, [limit, other], regions);
  await answeredBy(world, askOf(other, "leased before"));
  const heapBeforeBytes = heapBytes();
  const callsBefore = world.calls;
  const beganAt = world.time.now;
  const answers = {
    "lease allowed": 0,
    "lease refused": 0,
    "limiter allowed": 0,
    "limiter refused": 0,
    "deny_cache allowed": 0,
    "deny_cache refused": 0,
    "fallback allowed": 0,
    "fallback refused": 0,
  };
  for (let index = 0; index < requests; index += 1) {
    if (index % perTick === 0) await world.advance(beganAt + (index * 1_000) / perSecond);
    const { isolate, ask } = nth(index);
    world.ask(isolateOf(world, isolate), ask, ({ taken: { allowed, taken } }) => {
      answers[`${taken[0]?.answeredBy ?? "fallback"} ${allowed ? "allowed" : "refused"}`] += 1;
    });
  }
  await world.advance(world.time.now + 1_000);
  const seconds = (world.time.now - beganAt) / 1_000;
  const calls = world.calls - callsBefore;
  const otherAnsweredBy = await answeredBy(world, askOf(other, "leased before"));
  const heapGrewBytes = heapBytes() - heapBeforeBytes;
  return { world, calls, answers, seconds, heapBeforeBytes, heapGrewBytes, otherAnsweredBy };
}

/** An object looks after what has ended once in this time, ms. */
const sweepEveryMs = 15 * 60_000;

/** An hour in which nobody asks: idle objects delete everything at their alarms, and are gone. */
export async function afterAnHour({ world, heapBeforeBytes }: Flood): Promise<Rest> {
  for (let alarm = 1; alarm <= 4; alarm += 1) {
    await world.advance(world.time.now + sweepEveryMs);
    for (const [name, { budgets }] of world.objects) {
      if (isSweptIdle(budgets, world.clock)) world.objects.delete(name);
    }
  }
  return { objects: world.objects.size, heapGrewBytes: heapBytes() - heapBeforeBytes };
}

export interface Rest {
  /** That still keep anything. */
  readonly objects: number;
  /** Since before the flood: what the isolates still know. */
  readonly heapGrewBytes: number;
}

function isSweptIdle(budgets: Budgets, at: number): boolean {
  let state = budgets.sweep(at, 1_000);
  while (state === "more") state = budgets.sweep(at, 1_000);
  return state === "idle";
}

/** In use after everything that can go has gone. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return getHeapStatistics().used_heap_size;
}

async function answeredBy(world: LimitWorld, ask: Ask): Promise<Taken["answeredBy"]> {
  let answered: Taken["answeredBy"] | null = null;
  world.ask(isolateOf(world, 0), ask, ({ taken }) => (answered = taken.taken[0]?.answeredBy ?? null));
  await world.advance(world.time.now + 1_000);
  if (answered === null) throw new Error("expected an answer within a second");
  return answered;
}

function isolateOf({ isolates }: LimitWorld, index: number): LimitWorld["isolates"][number] {
  const isolate = isolates[index];
  if (isolate === undefined) throw new Error(`expected isolate ${index}`);
  return isolate;
}
