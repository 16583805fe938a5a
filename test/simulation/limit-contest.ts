/**
 * One crowd, five designs, the same requests in the same run: the real desks and limiters, one call for each request,
 * a counter in each region with the whole quota or with a ninth of it, and a counter without any distance, which is
 * what the others are measured by.
 */
import type { Rule } from "../../durable-objects/limiter/contract.ts";
import { regionNames, type RegionName } from "../../durable-objects/names.ts";
import { ruleOf } from "../../workers/limit/charge-line.ts";
import { isolateRegions, LimitCrowd, type Asking, type CrowdSettings } from "./limit-crowd.ts";
import { exactCounter, type ExactCounter } from "./limit-exact.ts";
import { askOf, inForce } from "./limit-planet.ts";
import { LimitScore, type Figures } from "./limit-score.ts";
import { LimitWorld } from "./limit-world.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface ContestSettings extends CrowdSettings {
  readonly seed: number;
  readonly limit: Partial<ReturnType<typeof inForce>> & { readonly quota: number };
  /** Before this nothing but overshoot is measured: the desks learn what is asked for. */
  readonly warmUpMs: number;
  readonly forMs: number;
}

export interface Outcome {
  readonly ours: Figures;
  readonly eachAlone: Figures;
  readonly perRegion: Figures;
  readonly ninths: Figures;
  readonly rowsWritten: number;
  readonly objects: number;
}

/** Who is asked for more than this many quotas has its budget full. */
const fullFrom = 1.2;

export async function contest(settings: ContestSettings): Promise<Outcome> {
  using run = new Contest(settings);
  await run.play();
  return run.outcome();
}

class Contest implements Disposable {
  readonly #settings: ContestSettings;
  readonly #world: LimitWorld;
  readonly #crowd: LimitCrowd;
  readonly #limit: ReturnType<typeof inForce>;
  readonly #rule: Rule;
  readonly #ours = new LimitScore();
  readonly #ideal = new LimitScore();
  readonly #alone: EachAlone;
  readonly #regional: readonly Regional[];
  readonly #exact: ExactCounter;
  readonly #asked = new Map<number, number>();
  /** Calls to each object, and in all, when the measure began. */
  #callsBefore: ReadonlyMap<unknown, number> = new Map();

  constructor(settings: ContestSettings) {
    this.#settings = settings;
    this.#limit = inForce(settings.limit);
    this.#rule = ruleOf(this.#limit, settings.limit.quota);
    this.#world = new LimitWorld(settings.seed, [this.#limit], isolateRegions);
    this.#crowd = new LimitCrowd(new VirtualTime(settings.seed + 1), settings);
    this.#exact = exactCounter(this.#rule);
    this.#alone = new EachAlone(this.#rule, this.#world);
    this.#regional = [new Regional(this.#rule, 1), new Regional(this.#rule, 1 / regionNames.length)];
  }

  async play(): Promise<void> {
    const { warmUpMs, forMs } = this.#settings;
    let isMeasured = false;
    for (let asking = this.#crowd.next(); asking.at < warmUpMs + forMs; asking = this.#crowd.next()) {
      const settling = asking.at > this.#world.time.now ? this.#world.advance(asking.at) : null;
      if (settling !== null) await settling;
      if (!isMeasured && asking.at >= warmUpMs) {
        isMeasured = true;
        this.#callsBefore = this.#callsSoFar();
      }
      this.#ask(asking, isMeasured);
    }
    const calls = this.#callsSoFar();
    this.#ours.calls = this.#gained(calls, "all");
    const busiest = [...calls.keys()].map((object) => (object === "all" ? 0 : this.#gained(calls, object)));
    this.#ours.busiestASecond = (Math.max(...busiest) * 1_000) / forMs;
    await this.#world.advance(warmUpMs + forMs + 5_000);
    this.#alone.end(forMs);
  }

  outcome(): Outcome {
    const { forMs } = this.#settings;
    const { quota, windowMs } = this.#rule;
    const full = new Set(
      [...this.#asked].filter(([, asked]) => asked > (fullFrom * quota * forMs) / windowMs).map(([budget]) => budget),
    );
    const figures = (design: string, score: LimitScore) => score.figures(design, this.#rule, this.#ideal, full);
    const [whole, ninth] = this.#regional.map(({ score }) => score);
    if (whole === undefined || ninth === undefined) throw new Error("expected two regional designs");
    return {
      ours: figures("token leases", this.#ours),
      eachAlone: figures("one call for each request", this.#alone.score),
      perRegion: figures("a counter in each region", whole),
      ninths: figures("the same, with a ninth each", ninth),
      rowsWritten: this.#world.rowsWritten,
      objects: this.#world.objects.size,
    };
  }

  [Symbol.dispose](): void {
    this.#world[Symbol.dispose]();
  }

  #ask(asking: Asking, isMeasured: boolean): void {
    const { at, budget } = asking;
    const isolate = this.#world.isolates[asking.isolate];
    if (isolate === undefined) throw new Error("expected an isolate");
    if (isMeasured) this.#asked.set(budget, (this.#asked.get(budget) ?? 0) + 1);
    if (this.#exact(budget, at)) this.#ideal.admit(budget, at, isMeasured);
    this.#alone.ask(asking, isolate.region, isMeasured);
    for (const regional of this.#regional) regional.ask(asking, isolate.region, isMeasured);
    this.#world.ask(isolate, askOf(this.#limit, `key ${budget}`), ({ taken, at: toldAt, goneAt }) => {
      if (isMeasured) this.#ours.wait(toldAt - at);
      if (taken.allowed) this.#ours.admit(budget, goneAt, isMeasured);
    });
  }

  #callsSoFar(): ReadonlyMap<unknown, number> {
    const each = [...this.#world.objects].map(([name, { calls }]) => [name, calls] as const);
    return new Map<unknown, number>([...each, ["all", each.reduce((sum, [, calls]) => sum + calls, 0)]]);
  }

  #gained(calls: ReadonlyMap<unknown, number>, of: unknown): number {
    return (calls.get(of) ?? 0) - (this.#callsBefore.get(of) ?? 0);
  }
}

/** Exact, and every request waits for the way to its budget's object and back. */
class EachAlone {
  readonly score = new LimitScore();
  readonly #world: LimitWorld;
  readonly #limit: string;
  readonly #exact: ExactCounter;
  /** Requests under way arrive in the order of their arrival, not of their sending. */
  readonly #underWay: VirtualTime;
  readonly #calls = new Map<unknown, number>();

  constructor(rule: Rule, world: LimitWorld) {
    this.#world = world;
    this.#limit = rule.name;
    this.#exact = exactCounter(rule);
    this.#underWay = new VirtualTime(world.time.between(0, 1_000_000));
  }

  ask({ at, budget }: Asking, from: RegionName, isMeasured: boolean): void {
    const object = this.#world.objectOf(this.#limit, `key ${budget}`, from);
    this.#underWay.runUntil(at);
    const thereMs = this.#world.wayMs(from, object.region);
    this.#underWay.after(thereMs, () => {
      const goneAt = this.#underWay.now;
      if (this.#exact(budget, goneAt)) this.score.admit(budget, goneAt, isMeasured);
    });
    if (!isMeasured) return;
    this.score.wait(thereMs + this.#world.wayMs(object.region, from));
    this.score.calls += 1;
    this.#calls.set(object, (this.#calls.get(object) ?? 0) + 1);
  }

  end(forMs: number): void {
    this.#underWay.runUntil(Infinity);
    this.score.busiestASecond = (Math.max(0, ...this.#calls.values()) * 1_000) / forMs;
  }
}

/** Each region counts for itself, as the platform's own binding does in each place: nobody waits, and nobody knows. */
class Regional {
  readonly score = new LimitScore();
  readonly #counters: ReadonlyMap<RegionName, ExactCounter>;

  constructor(rule: Rule, part: number) {
    this.#counters = new Map(regionNames.map((region) => [region, exactCounter(rule, part)]));
  }

  ask({ at, budget }: Asking, from: RegionName, isMeasured: boolean): void {
    if (isMeasured) this.score.wait(0);
    if (this.#counters.get(from)?.(budget, at) === true) this.score.admit(budget, at, isMeasured);
  }
}
