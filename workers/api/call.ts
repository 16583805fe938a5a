/** What every handler of the mesh API is given. */
import type { Cors } from "../config/mesh.ts";
import type { Isolate } from "../isolate.ts";
import type { Identity } from "../token/identity.ts";

export interface ApiVariables {
  isolate: Isolate;
  requestId: string;
  /** By which scripts of other origins may call the path; null: they may not. */
  cors: Cors | null;
  /** Set by `requireScope`. */
  identity: Identity;
}

export interface ApiEnv {
  Bindings: Env;
  Variables: ApiVariables;
}
