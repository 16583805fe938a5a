/** What an actor of the planet sees of it. */
import type {
  AppliedReport,
  BroadcastMessage,
  Cursor,
  Page,
  RenewAnswer,
  RenewRequest,
} from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { ViewAnswer } from "../../durable-objects/region/contract.ts";
import type { Network, Reply } from "./network.ts";
import type { VirtualTime } from "./virtual-time.ts";

export const regionLeaseMs = 2_000;
export const viewLeaseMs = 400;

/** One deliberate fault each: what the harness must catch. */
export type Naive = "lease_from_reply" | "no_guard" | "no_proof";

export interface RegionHost {
  readonly name: RegionName;
  view(cursor: Cursor | null, reply: Reply<ViewAnswer>): void;
}

export interface Surroundings {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly naive: Naive | null;
  readonly guardOf: (leaseMs: number) => number;
  readonly log: {
    renew(request: RenewRequest): RenewAnswer;
    read(cursor: Cursor | null): Page;
    heard(report: AppliedReport | null): void;
  };
  readonly regions: readonly RegionHost[];
  /** The origin's versions. */
  readonly written: ReadonlyMap<string, number>;
  /** A message of the Log to a Region, by push or through the queue. */
  deliver(
    name: RegionName,
    message: BroadcastMessage,
    lane: string,
    done: (report: AppliedReport | null) => void,
  ): void;
  askView(from: RegionHost, cursor: Cursor | null, done: (answer: ViewAnswer | null) => void): void;
}
