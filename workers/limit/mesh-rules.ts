/** A mesh's rules of limits: the file's, changed by events that the view brings, or by what a limiter tells first. */
import type { RuleVersion } from "../../durable-objects/limiter/contract.ts";
import type { Limit } from "../config/mesh.ts";
import type { View } from "../view/view.ts";
import { RulesInForce } from "./rules-in-force.ts";
import type { Rules } from "./rules.ts";
import type { LimitInForce, Waits } from "./taken.ts";

type Changed = NonNullable<RuleVersion>;

/** How far hosts' clocks are apart at most: for so long a limiter's word on a change's end holds, ms. */
const apartMs = 250;

type Viewed = Pick<View, "limitChange" | "lastReset" | "current">;

export class MeshRules implements Rules {
  readonly #inForce: RulesInForce;
  readonly #view: Viewed;
  readonly #clock: () => number;
  /** What limiters told of, and the view has not. */
  readonly #told = new Map<string, Changed>();

  constructor(filed: ReadonlyMap<string, Limit>, view: Viewed, clock: () => number = Date.now) {
    this.#view = view;
    this.#clock = clock;
    this.#inForce = new RulesInForce(filed, (name) => this.#newest(name));
  }

  find(name: string): LimitInForce | undefined {
    return this.#inForce.find(name, this.#clock());
  }

  all(): ReadonlyMap<string, LimitInForce> {
    return this.#inForce.all(this.#clock());
  }

  current(context: Waits): true | Promise<unknown> {
    return this.#view.current(context);
  }

  /** Told of what is known already, a limiter means that it holds: by its clock it has not expired. */
  hear(name: string, version: Changed): void {
    const known = this.#newest(name);
    if (known === undefined || isNewer(version, known)) this.#told.set(name, version);
    else if (known.epoch === version.epoch && known.seq === version.seq) {
      const now = this.#clock();
      if (now >= (version.change.expiresAt ?? Infinity)) this.#inForce.holdOn(name, version, now + apartMs);
    }
  }

  resets(name: string): number {
    return this.#view.lastReset(name);
  }

  #newest(name: string): Changed | undefined {
    const told = this.#told.get(name);
    const viewed = this.#view.limitChange(name);
    if (told === undefined || viewed === undefined) return told ?? viewed;
    return isNewer(told, viewed) ? told : viewed;
  }
}

/** As limiters judge it: within one numbering by number, a new numbering is a later one. */
function isNewer(one: Changed, other: Changed): boolean {
  return one.epoch === other.epoch ? one.seq > other.seq : one.change.since > other.change.since;
}
