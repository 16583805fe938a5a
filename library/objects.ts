/** The object classes, for a Worker of one's own to export again. The module `selvedge/objects`. */
import type { DurableObject } from "cloudflare:workers";
import type { LimiterContract } from "../durable-objects/limiter/contract.ts";
import { Limiter as LimiterObject } from "../durable-objects/limiter/limiter.ts";

/** Whatever a Worker binds: the object reads none of it. */
type ObjectClass<Contract> = new (state: DurableObjectState, env: Cloudflare.Env) => DurableObject & Contract;

const LimiterBase: ObjectClass<LimiterContract> = LimiterObject;

/** What `selvedge/limit` counts in. */
export class Limiter extends LimiterBase {}
