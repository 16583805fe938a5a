/** What every handler of the mesh API is given. */
import type { Isolate } from "../isolate.ts";
import type { Identity } from "../token/identity.ts";

export interface ApiVariables {
  isolate: Isolate;
  requestId: string;
  /** Set by `requireScope`. */
  identity: Identity;
}

export interface ApiEnv {
  Bindings: Env;
  Variables: ApiVariables;
}
