/**
 * Which rule of each limit holds now: the file's, or what a live change made of it. Asked for with every request, so
 * what came of a change is kept, and is the same object until there is another change or this one expires.
 */
import type { LimitChange, RuleVersion } from "../../durable-objects/limiter/contract.ts";
import type { Limit } from "../config/mesh.ts";
import { changedLimit } from "./changed-limit.ts";
import type { LimitInForce } from "./taken.ts";

type Changed = NonNullable<RuleVersion>;

/** A limiter still counts under a change that has expired by this clock. */
interface Held {
  readonly version: Changed;
  /** ms since 1970. */
  readonly until: number;
}

interface Known {
  readonly heard: Changed | undefined;
  /** ms since 1970. */
  readonly expiresAt: number;
  readonly isExpired: boolean;
  readonly limit: LimitInForce;
}

export class RulesInForce {
  readonly #filed: ReadonlyMap<string, Limit>;
  readonly #changeOf: (limit: string) => Changed | undefined;
  readonly #known = new Map<string, Known>();
  readonly #held = new Map<string, Held>();

  /** `changeOf`: the newest change that was heard of, in force or not. */
  constructor(filed: ReadonlyMap<string, Limit>, changeOf: (limit: string) => Changed | undefined) {
    this.#filed = filed;
    this.#changeOf = changeOf;
  }

  /** undefined for a limit that the file does not have: a change of it changes nothing. */
  find(name: string, now: number): LimitInForce | undefined {
    const known = this.#known.get(name);
    const heard = this.#changeOf(name);
    return known !== undefined && known.heard === heard && now >= known.expiresAt === known.isExpired
      ? known.limit
      : this.#renew(name, heard, now);
  }

  all(now: number): ReadonlyMap<string, LimitInForce> {
    const all = new Map<string, LimitInForce>();
    for (const name of this.#filed.keys()) {
      const limit = this.find(name, now);
      if (limit !== undefined) all.set(name, limit);
    }
    return all;
  }

  /** A limiter's clock decides when a change ends: this one holds until then, whatever it says of its end. */
  holdOn(name: string, version: Changed, until: number): void {
    this.#held.set(name, { version, until });
    if (this.#known.get(name)?.isExpired === true) this.#known.delete(name);
  }

  #renew(name: string, heard: Changed | undefined, now: number): LimitInForce | undefined {
    const filed = this.#filed.get(name);
    if (filed === undefined) return undefined;
    const held = this.#held.get(name);
    const heldUntil = held !== undefined && isSame(held.version, heard) ? held.until : -Infinity;
    const expiresAt = Math.max(heard?.change.expiresAt ?? Infinity, heldUntil);
    const isExpired = now >= expiresAt;
    const known = this.#known.get(name);
    const isKnown = known !== undefined && known.isExpired === isExpired && isSame(known.heard, heard);
    const limit = isKnown ? known.limit : inForce(filed, heard ?? null, isExpired);
    this.#known.set(name, { heard, expiresAt, isExpired, limit });
    return limit;
  }
}

/** The change that holds now; null when there was none, and when it was taken back or has expired. */
export function changeInForce(version: RuleVersion, now: number): LimitChange | null {
  if (version === null || version.change.removed === true) return null;
  return now < (version.change.expiresAt ?? Infinity) ? version.change : null;
}

/**
 * A change that was taken back stays the version: limiters hold an edge that names an older one, or none, for one that
 * has not heard of it. One that has expired does not: they count under the file again, too, and what was refused under
 * the change must not be taken for the file's refusal.
 */
function inForce(filed: Limit, version: RuleVersion, isExpired: boolean): LimitInForce {
  if (version === null || isExpired) return { ...filed, version: null };
  if (version.change.removed === true) return { ...filed, version };
  const changed = changedLimit(filed, version.change);
  if (changed.kind === "changed") return { ...changed.limit, version };
  // The mesh API lets none through that does not fit; the file, or this version, has changed since.
  const { field, expected } = changed;
  console.error({ event: "limit_change_ignored", limit: filed.name, seq: version.seq, field, expected });
  return { ...filed, version };
}

/** Beliefs that began anew hold the same event in another object. */
function isSame(one: Changed | undefined, other: Changed | undefined): boolean {
  return one?.seq === other?.seq && one?.epoch === other?.epoch;
}
