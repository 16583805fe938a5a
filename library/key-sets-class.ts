/** The class that fetches keys for all isolates. */
import type { KeySetsContract } from "../durable-objects/key-sets/contract.ts";
import { KeySets as KeySetsObject } from "../durable-objects/key-sets/key-sets.ts";
import { environment } from "./environment.ts";
import { objectBindings } from "./object-bindings.ts";
import type { ObjectClass } from "./object-class.ts";

const Base: ObjectClass<KeySetsContract> = class extends KeySetsObject {
  constructor(state: DurableObjectState) {
    super(state, objectBindings, { environment });
  }
};

/** May be left out. Fetches an issuer's keys once for all isolates of `selvedge/tokens`. */
export class KeySets extends Base {}
