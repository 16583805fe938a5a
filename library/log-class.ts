/** The class that gives revocations their numbers. */
import type { LogContract } from "../durable-objects/log/contract.ts";
import { Log as LogObject } from "../durable-objects/log/log.ts";
import { objectBindings } from "./object-bindings.ts";
import type { ObjectClass } from "./object-class.ts";
import { logSettings } from "./object-settings.ts";

const Base: ObjectClass<LogContract> = class extends LogObject {
  constructor(state: DurableObjectState) {
    super(state, objectBindings, logSettings);
  }
};

/** Numbers and keeps what `selvedge/tokens` revokes. */
export class Log extends Base {}
