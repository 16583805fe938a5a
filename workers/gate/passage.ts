/** One client's request on its way through the gate. Each step reads what the steps before it found out, and adds its own. */
import type { Route } from "../config/mesh.ts";
import type { Isolate } from "../isolate.ts";
import type { PermitStay } from "../limit/permit-stay.ts";
import type { Ask } from "../limit/taken.ts";
import type { Refusal } from "../problem/problem.ts";
import type { Identity } from "../token/identity.ts";
import type { Fields } from "./fields.ts";
import type { IdentifyingCredential } from "./identity.ts";

export interface Passage {
  readonly request: Request;
  readonly isolate: Isolate;
  readonly context: ExecutionContext;
  /** When the request was taken up, ms since 1970: the clock stands still until the next I/O anyway. */
  readonly now: number;
  /** The request's head, read once: a look into `request.headers` costs ten times as much. Names are lower case. */
  readonly fields: Fields;

  /** correlate */
  requestId: string;
  traceparent: string | null;

  /** canonical path: lower-case host without a port, canonical path, query with its question mark or empty */
  host: string;
  path: string;
  query: string;

  /** route */
  route: Route;
  params: Readonly<Record<string, string>>;

  /** address: canonical text, null when there is none */
  address: string | null;
  /** The address is on the list of those that limits do not count. */
  isExempt: boolean;

  /** limits: what was asked of each that charges this request tokens, in order of name */
  asks: readonly Ask[];
  /** limits: the permits under which it runs; null without any */
  stay: PermitStay | null;

  /** identity: null for anonymous */
  identity: Identity | null;
  /** identity: what it was read from, for what goes on after the answer has begun */
  credential: IdentifyingCredential | null;

  /** Fields that the answer will carry, whoever gives it: set once on one Headers object, at the end. */
  readonly head: Record<string, string>;
}

/** A step lets the request pass (null), refuses it, or answers it. */
export type StepResult = Refusal | Response | null;
export type Step = (passage: Passage) => StepResult | Promise<StepResult>;
