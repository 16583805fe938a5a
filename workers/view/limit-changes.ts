/** What an isolate has heard of limits: the newest live change of each, and when a budget of it was last reset. */
import type { RuleVersion } from "../../durable-objects/limiter/contract.ts";
import type { MeshEvent } from "../../durable-objects/log/contract.ts";
import { limitOfReset, readLimitChange } from "./limit-data.ts";

export type LimitChanged = NonNullable<RuleVersion>;

export class LimitChanges {
  readonly #changes = new Map<string, LimitChanged>();
  readonly #resets = new Map<string, number>();
  /** Up to here any budget of any limit may have been reset. */
  #resetsFloor = 0;

  /** Everything up to `floor` went by unseen. */
  reset(floor: number): void {
    this.#changes.clear();
    this.#resets.clear();
    this.#resetsFloor = floor;
  }

  /** Events about anything else are none of it. */
  learn(epoch: string, { type, seq, data }: MeshEvent): void {
    if (type === "limit") this.#learnChange(epoch, seq, data);
    else if (type === "limit_reset") this.#learnReset(seq, data);
  }

  changeOf(limit: string): LimitChanged | undefined {
    return this.#changes.get(limit);
  }

  lastReset(limit: string): number {
    return Math.max(this.#resets.get(limit) ?? 0, this.#resetsFloor);
  }

  /** A form of a newer version is left alone: the limiter knows what holds, and tells whoever asks under an older rule. */
  #learnChange(epoch: string, seq: number, data: unknown): void {
    const change = readLimitChange(data);
    if (change === null || seq <= (this.#changes.get(change.limit)?.seq ?? 0)) return;
    this.#changes.set(change.limit, { epoch, seq, change });
  }

  /** What cannot be read may mean any budget: refusals that are asked for again cost a call, and are never wrong. */
  #learnReset(seq: number, data: unknown): void {
    const limit = limitOfReset(data);
    if (limit === null) this.#resetsFloor = seq;
    else this.#resets.set(limit, seq);
  }
}
