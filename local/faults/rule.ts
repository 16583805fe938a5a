/** Faults between the edge and the objects: what may be asked for. Sent as JSON to every isolate of a local mesh. */

/**
 * From where a call is made: the gate and the API (`fetch`), the queue's consumer (`queue`), the cron (`scheduled`),
 * or an object, its alarms included (`object`).
 */
export type Lane = "fetch" | "queue" | "scheduled" | "object";

export type FaultAction =
  /** The call is made late. */
  | { readonly kind: "delay"; readonly ms: number; readonly jitterMs?: number }
  /** The call is not made; the caller sees an exception as an object would throw it. */
  | { readonly kind: "error" }
  /** The call is not made; the caller sees the connection break. */
  | { readonly kind: "lose_request" }
  /** The call is made and done; the caller sees the connection break. */
  | { readonly kind: "lose_reply" }
  /** The call is made twice; the caller sees the first answer. */
  | { readonly kind: "double" }
  /** The call is not made; the caller sees the connection break after `ms`. */
  | { readonly kind: "hang"; readonly ms: number };

export interface FaultRule {
  /** Names it in the report; its place in the list by default. */
  readonly id?: string;
  /** Absent: any. */
  readonly lane?: Lane;
  /** The edge's region (lane `fetch`), or a part of the object's name (lane `object`). Absent: anyone. */
  readonly from?: string;
  /**
   * The object's class, or a part of its name. A send to a queue goes to the class `Queue` and the binding's name; a
   * delivery to the consumer (lane `queue`, method `deliver`) goes to the class `Consumer` and the queue's name.
   */
  readonly to?: string;
  /** The method's exact name. */
  readonly method?: string;
  readonly action: FaultAction;
  /** Of striking, from 0 to 1; always by default. */
  readonly probability?: number;
  /** Strikes so often in each isolate, then rests; for ever by default. */
  readonly times?: number;
}

/**
 * Cuts a region off. `pushes`: what is sent to its Region object is lost, while its own renewals work. `wholly`: its
 * Region object reaches nobody and is reached by nobody, and the region's edges reach no object at all.
 */
export interface Cut {
  readonly id?: string;
  readonly cut: string;
  readonly what: "pushes" | "wholly";
  /** How a lost call looks to its caller; `lose_request` by default. */
  readonly action?: FaultAction;
}

export type Fault = FaultRule | Cut;

export interface Call {
  readonly lane: Lane;
  readonly from: string;
  readonly className: string;
  readonly name: string;
  readonly method: string;
}

/** What one isolate tells of itself. */
export interface FaultReport {
  readonly rules: readonly (FaultRule & { readonly id: string; readonly hits: number })[];
  /** How often each thing was called since the counting began: `LANE>CLASS.METHOD` to a count. */
  readonly calls: Readonly<Record<string, number>>;
}

/** Time added to every call, each way, in ms. */
export type Latency = Partial<Readonly<Record<Lane, number>>>;

/** The binding `MESH_FAULTS`: what the entry module needs to know. */
export interface FaultSettings {
  readonly secret: string;
  /** The edge's region; `objects` for the worker that owns the objects. */
  readonly from: string;
  /** Binding name to class. */
  readonly objects: Readonly<Record<string, string>>;
  /** Names of queue bindings. */
  readonly queues: readonly string[];
  readonly latencyMs: Latency;
}
