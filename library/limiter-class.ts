/** The class that `selvedge/limit` counts in. */
import type { LimiterContract } from "../durable-objects/limiter/contract.ts";
import { Limiter as LimiterObject } from "../durable-objects/limiter/limiter.ts";
import type { ObjectClass } from "./object-class.ts";

const Base: ObjectClass<LimiterContract> = LimiterObject;

/** What `selvedge/limit` counts in. */
export class Limiter extends Base {}
