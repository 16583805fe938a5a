/**
 * The Log: the single writer that gives every event its number and keeps it.
 *
 * Numbers (`seq`) are dense within an `epoch`, which is made when the Log's storage is new. One insert is acceptance:
 * nothing is accepted before it, nothing is lost after it. All messages carry `v`; a reader takes n and n-1.
 */
import type { RegionName } from "../names.ts";

/** What must be known of a change before it has a number. */
export interface NewEvent {
  /** 1-128 characters of [A-Za-z0-9._:-]; made at the edge when the caller gave none. The same id and content gets the first answer. */
  readonly id: string;
  /** What happened: `invalidation`, `keys`, ... */
  readonly type: string;
  /** JSON value, at most 1 MiB when written out. */
  readonly data: unknown;
  /** Only the newest event of a `retain` key matters to one who comes late; it is kept past the retention time. */
  readonly retain?: string;
}

export interface MeshEvent extends NewEvent {
  readonly v: 1;
  readonly seq: number;
  /** Milliseconds since 1970, by the Log's clock. For people; nothing is decided by it. */
  readonly at: number;
}

/**
 * A run of events: all with `after < seq <= to`, in order, none missing.
 * With `reset`, the taker was too far behind (or of another epoch): it forgets what it had, believes `retained`,
 * and holds everything that was filled before `reset.floor` for invalidated; the run then starts at the floor
 * (`after === reset.floor`).
 */
export interface Page {
  readonly v: 1;
  readonly epoch: string;
  readonly after: number;
  readonly to: number;
  /** The newest number in the Log when the page was made; `to < head` means there is more. */
  readonly head: number;
  readonly events: readonly MeshEvent[];
  readonly reset?: { readonly floor: number; readonly retained: readonly MeshEvent[] };
}

export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

/** `none`: inserted. `regions`: every region applied it or is fenced. `everywhere`: and every older view lease has ended. */
export type Ack = "none" | "regions" | "everywhere";

export interface Receipt {
  readonly region: RegionName;
  readonly state: "applied" | "fenced" | "pending";
  /** For `applied` and `fenced` the event's own number; for `pending` the last number the region is known to have. */
  readonly seq: number;
  /** RFC 3339, UTC: when this state was reached (for `pending`: when the region was last heard). */
  readonly at: string;
}

export interface PublishRequest {
  readonly v: 1;
  readonly events: readonly NewEvent[];
  readonly ack: Ack;
  /** How long to wait for the ack; 0 to 30 000. */
  readonly timeoutMs: number;
}

export type PublishedEvent =
  | { readonly kind: "inserted" | "repeated"; readonly id: string; readonly seq: number }
  /** The id was used before with other content. Nothing was inserted for it. */
  | { readonly kind: "conflict"; readonly id: string };

export type PublishAnswer =
  | {
      readonly v: 1;
      readonly kind: "published";
      readonly epoch: string;
      /** One per event, in order. */
      readonly events: readonly PublishedEvent[];
      /** Whether the asked-for ack was reached in time. */
      readonly acknowledged: boolean;
      /** For the newest event of the call; empty with `ack: "none"`. */
      readonly receipts: readonly Receipt[];
    }
  /** Refused before the insert: nothing happened. */
  | { readonly v: 1; readonly kind: "refused"; readonly reason: "overloaded" | "malformed"; readonly detail: string };

/** A Region asks for a lease. It runs at the Region from when it sent this; the Log keeps it for `guardOf(leaseMs)`. */
export interface RenewRequest {
  readonly v: 1;
  readonly region: RegionName;
  /** What the Region has; null when it has nothing. */
  readonly cursor: Cursor | null;
  /** For how much longer a view handed out before this moment may live, in ms by the Region's clock, guard included. */
  readonly viewsEndMs: number;
}

/** `granted`: with `page`, the Region has everything up to the head, and holds a lease. `behind`: apply and ask again; no lease. */
export type RenewAnswer =
  | { readonly v: 1; readonly kind: "granted"; readonly leaseMs: number; readonly page: Page }
  | { readonly v: 1; readonly kind: "behind"; readonly page: Page }
  | { readonly v: 1; readonly kind: "refused"; readonly reason: "region_unknown" };

/** What a Region has applied, told by itself or by the broadcaster. */
export interface AppliedReport {
  readonly region: RegionName;
  readonly epoch: string;
  readonly applied: number;
  readonly viewsEndMs: number;
}

/** What the Log puts on the queue. Without `events` (too big for a message) a Region pulls the run itself. */
export interface BroadcastMessage {
  readonly v: 1;
  readonly epoch: string;
  readonly after: number;
  readonly to: number;
  readonly events?: readonly MeshEvent[];
  /** The regions that held a lease when it was sent: the others pull before they serve. */
  readonly regions: readonly RegionName[];
}

export interface LogStatus {
  readonly v: 1;
  readonly epoch: string;
  readonly head: number;
  readonly floor: number;
  /** Events inserted and not yet handed to the queue. */
  readonly unsent: number;
  readonly regions: readonly {
    readonly region: RegionName;
    readonly applied: number;
    readonly heardAt: string;
    /** Until the Log may assume that the region has stopped, in ms; 0 when it surely has. */
    readonly leaseEndsInMs: number;
  }[];
}

export interface LogSettings {
  readonly environment: string;
  readonly regions: readonly RegionName[];
  readonly regionLeaseMs: number;
  /** How long events are kept, in ms. */
  readonly retentionMs: number;
  /**
   * "queue": what is inserted goes to the queue, whose consumer hands it to the Regions. "push": there is none, and the
   * Log hands everything to them by itself. Default "queue".
   */
  readonly broadcast?: "queue" | "push";
}

/** The Log's methods, as seen by others. */
export interface LogContract {
  publish(request: PublishRequest): Promise<PublishAnswer>;
  renew(request: RenewRequest): Promise<RenewAnswer>;
  read(request: { readonly v: 1; readonly cursor: Cursor | null }): Promise<Page>;
  applied(request: { readonly v: 1; readonly reports: readonly AppliedReport[] }): Promise<void>;
  receipts(request: { readonly v: 1; readonly id: string }): Promise<
    | {
        readonly v: 1;
        readonly kind: "found";
        readonly event: MeshEvent;
        readonly epoch: string;
        readonly receipts: readonly Receipt[];
      }
    | { readonly v: 1; readonly kind: "unknown" }
  >;
  status(): Promise<LogStatus>;
  /** The heartbeat's knock: re-arms what an alarm lost. */
  wake(): Promise<void>;
}
