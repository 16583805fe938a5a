/**
 * A Region: a copy of the Log for the edges near it.
 *
 * However an event arrives (queue, push, renewal) it applies only `applied + 1`, skips what it has, and pulls when
 * there is a hole. It answers views only under a region lease.
 */
import type { Cursor, Page, BroadcastMessage } from "../log/contract.ts";
import type { RegionName } from "../names.ts";
import type { FilterData, Revocation, TokenNames } from "../revocations/contract.ts";

export interface ViewRequest {
  readonly v: 1;
  /** What the isolate has; null when it has nothing. */
  readonly cursor: Cursor | null;
}

export type ViewAnswer =
  /** A lease of `leaseMs`, counted at the isolate from when it sent its request. */
  | {
      readonly v: 1;
      readonly kind: "view";
      readonly leaseMs: number;
      readonly page: Page;
      /** With a reset, unless it is big: of all revocations up to `page.to`. */
      readonly filter?: FilterData;
    }
  | NotCurrent;

/** The Region holds no lease and could not get one: it cannot prove that it is current. */
export interface NotCurrent {
  readonly v: 1;
  readonly kind: "not_current";
}

/** `cursor` is what the isolate has: no answer knows less. */
export interface RevocationFilterRequest {
  readonly v: 1;
  readonly cursor: Cursor | null;
}

/** `through`: all events up to there are in the answer. */
export type RevocationFilterAnswer =
  | { readonly v: 1; readonly kind: "filter"; readonly through: Cursor; readonly filter: FilterData }
  | NotCurrent;

export interface RevokedRequest {
  readonly v: 1;
  readonly cursor: Cursor | null;
  readonly names: TokenNames;
}

export type RevokedAnswer =
  | { readonly v: 1; readonly kind: "clear"; readonly through: Cursor }
  /** `issuedBefore`: of the revocation that names it; null when that holds whenever the token was issued. */
  | { readonly v: 1; readonly kind: "revoked"; readonly through: Cursor; readonly issuedBefore: number | null }
  | NotCurrent;

/** For people. `after`: ids are in order. */
export interface RevocationListRequest {
  readonly v: 1;
  readonly cursor: Cursor | null;
  readonly after: string;
  readonly limit: number;
}

export type RevocationListAnswer =
  | { readonly v: 1; readonly kind: "page"; readonly items: readonly Revocation[]; readonly isLast: boolean }
  | NotCurrent;

export type RevocationAnswer =
  | { readonly v: 1; readonly kind: "found"; readonly revocation: Revocation }
  | { readonly v: 1; readonly kind: "unknown" }
  | NotCurrent;

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
  /** Which keys of revocations there may be: an isolate that has it asks about few tokens. */
  revocationFilter(request: RevocationFilterRequest): Promise<RevocationFilterAnswer>;
  /** Whether a revocation names this token. */
  revoked(request: RevokedRequest): Promise<RevokedAnswer>;
  revocations(request: RevocationListRequest): Promise<RevocationListAnswer>;
  revocation(request: {
    readonly v: 1;
    readonly cursor: Cursor | null;
    readonly id: string;
  }): Promise<RevocationAnswer>;
}
