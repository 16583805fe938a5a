/**
 * Whether a token is revoked, by what this isolate believes and, where that does not say, by a Region's word.
 *
 * The filter is got beside the requests, once somebody needs it. Nobody waits for it: until it is there, a Region is
 * asked about each token by itself, and only when no Region can answer there is no verdict.
 */
import type { Cursor } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";
import type { NotCurrent, RegionContract, RevokedAnswer } from "../../durable-objects/region/contract.ts";
import type { FilterData, TokenNames } from "../../durable-objects/revocations/contract.ts";
import { askNearest, type Patience } from "./nearest.ts";
import type { RevocationFinding, Revocations } from "./revocations.ts";

/** What this needs of the view. */
export interface RevocationsView {
  readonly cursor: Cursor | null;
  readonly revocations: Revocations;
  takeFilter(through: Cursor, filter: FilterData): void;
}

export interface RevocationPorts {
  readonly view: RevocationsView;
  /** A stub belongs to one request: asked anew for each call. */
  readonly region: (region: RegionName) => Pick<RegionContract, "revoked" | "revocationFilter">;
  /** The isolate's own region first, then the others by distance. */
  readonly regions: readonly RegionName[];
  /** ms since 1970. */
  readonly clock?: () => number;
}

/** `revision`: what was known when it was found; it holds as long as nothing that came since says otherwise. */
export type Checked = Exclude<RevocationFinding, { readonly kind: "ask" }> & { readonly revision: number };

type Waits = Pick<ExecutionContext, "waitUntil">;
type Said = Exclude<RevokedAnswer, NotCurrent>;

/** Less than any revision: a verdict that holds for this once. */
const once = -1;
/** How often a Region is asked when more came meanwhile than its answer has in it. */
const mostTurns = 3;
/** All turns of one question: somebody waits for it, ms. */
const askMs = 3_000;
/** A Region that has just begun makes its filter first, and a big one takes its time. */
const loadPatience: Patience = { silenceMs: 2_000, endMs: 4_000 };
/** A load that has not ended by then was cancelled with the request that began it, ms. */
const loadMs = 12_000;
/** The least time between two loads, ms: a filter that nobody could give is not asked for with every token. */
const loadEveryMs = 1_000;

export class RevocationChecks {
  readonly #ports: RevocationPorts;
  readonly #clock: () => number;
  #load: { readonly startedAt: number; hasEnded: boolean } | null = null;

  constructor(ports: RevocationPorts) {
    this.#ports = ports;
    this.#clock = ports.clock ?? Date.now;
  }

  get revision(): number {
    return this.#ports.view.revocations.revision;
  }

  get liftedRevision(): number {
    return this.#ports.view.revocations.liftedRevision;
  }

  /** What has come since a look at `revision` found it clear; `unknown`: a new look is needed. */
  since(names: TokenNames, revision: number): "clear" | "revoked" | "unknown" {
    return this.#ports.view.revocations.verdictSince(names, revision);
  }

  /** Null when no Region could say it. The view must be current; answers at once where it can. */
  check(names: TokenNames, context: Waits): Checked | Promise<Checked | null> {
    const { revocations } = this.#ports.view;
    if (revocations.wantsFilter) this.#loadBeside(context);
    const found = revocations.verdictOn(names);
    return found.kind === "ask" ? this.ask(names) : { ...found, revision: revocations.revision };
  }

  /**
   * By a Region's word, whatever is believed here: it knows what was acknowledged by regions, and a view only once its
   * lease has ended. Needs no view. Null when no Region could say it.
   */
  async ask(names: TokenNames): Promise<Checked | null> {
    const ended = await inTime(this.#askInTurns(names), askMs);
    return ended.kind === "answered" ? ended.answer : null;
  }

  async #askInTurns(names: TokenNames): Promise<Checked | null> {
    const { view, region, regions } = this.#ports;
    for (let turn = 0; turn < mostTurns; turn += 1) {
      const { cursor } = view;
      const said = await askNearest(regions, async (name) => {
        const answer = await region(name).revoked({ v: 1, cursor, names });
        return answer.kind === "not_current" ? null : answer;
      });
      if (said === null) return null;
      const checked = this.#settle(names, said);
      if (checked !== null) return checked;
    }
    return null;
  }

  /** What was said, and what came here meanwhile. */
  #settle(names: TokenNames, said: Said): Checked | null {
    const { cursor, revocations } = this.#ports.view;
    if (said.through.epoch !== cursor?.epoch) {
      // The numbers of two epochs do not compare. The Region knows the newer one, or this isolate by now does.
      const known = revocations.verdictOn(names);
      return { ...(known.kind === "revoked" ? known : said), revision: once };
    }
    const found = revocations.verdictAfter(names, said, said.through);
    return found.kind === "ask" ? null : { ...found, revision: revocations.revision };
  }

  #loadBeside(context: Waits): void {
    const now = this.#clock();
    const load = this.#load;
    const restMs = load === null || load.hasEnded ? loadEveryMs : loadMs;
    // A clock that was set back must not put it off.
    if (load !== null && now >= load.startedAt && now < load.startedAt + restMs) return;
    const begun = { startedAt: now, hasEnded: false };
    this.#load = begun;
    context.waitUntil(
      this.#takeFilter().finally(() => {
        begun.hasEnded = true;
      }),
    );
  }

  async #takeFilter(): Promise<void> {
    const { view, region, regions } = this.#ports;
    const { cursor } = view;
    const load = async (name: RegionName) => {
      const answer = await region(name).revocationFilter({ v: 1, cursor });
      return answer.kind === "not_current" ? null : answer;
    };
    const answer = await askNearest(regions, load, loadPatience);
    if (answer !== null) view.takeFilter(answer.through, answer.filter);
  }
}
