/** What a class of an object looks like to the Worker that exports it. */
import type { DurableObject } from "cloudflare:workers";

/** Whatever a Worker binds: the object reads none of it. */
export type ObjectClass<Contract> = new (state: DurableObjectState, env: Cloudflare.Env) => DurableObject & Contract;
