/**
 * A Region: a copy of the Log for the edges near it.
 *
 * However an event arrives (queue, push, renewal) it applies only `applied + 1`, skips what it has, and pulls when
 * there is a hole. It answers views only under a region lease.
 */
import type { Cursor, Page, BroadcastMessage } from "../log/contract.ts";
import type { RegionName } from "../names.ts";

export interface ViewRequest {
  readonly v: 1;
  /** What the isolate has; null when it has nothing. */
  readonly cursor: Cursor | null;
}

export type ViewAnswer =
  /** A lease of `leaseMs`, counted at the isolate from when it sent its request. */
  | { readonly v: 1; readonly kind: "view"; readonly leaseMs: number; readonly page: Page }
  /** The Region holds no lease and could not get one: it cannot prove that it is current. */
  | { readonly v: 1; readonly kind: "not_current" };

export type ApplyAnswer =
  | {
      readonly v: 1;
      readonly kind: "applied";
      readonly epoch: string;
      readonly applied: number;
      readonly viewsEndMs: number;
    }
  /** There was a hole and the Log could not be read. */
  | { readonly v: 1; readonly kind: "behind"; readonly epoch: string | null; readonly applied: number };

export interface RegionStatus {
  readonly v: 1;
  readonly region: RegionName;
  readonly epoch: string | null;
  readonly applied: number;
  readonly leaseEndsInMs: number;
}

export interface RegionSettings {
  readonly environment: string;
  readonly regionLeaseMs: number;
  readonly viewLeaseMs: number;
  /** The most events a view carries; an isolate further behind gets a reset. */
  readonly viewEvents: number;
}

export interface RegionContract {
  view(request: ViewRequest): Promise<ViewAnswer>;
  /** Idempotent: any multiset of deliveries, in any order, gives the same state. */
  apply(message: BroadcastMessage): Promise<ApplyAnswer>;
  status(): Promise<RegionStatus>;
}
