/** The class whose objects isolates ask what is revoked. */
import type { RegionContract } from "../durable-objects/region/contract.ts";
import { Region as RegionObject } from "../durable-objects/region/region.ts";
import { objectBindings } from "./object-bindings.ts";
import type { ObjectClass } from "./object-class.ts";
import { regionSettings } from "./object-settings.ts";

const Base: ObjectClass<RegionContract> = class extends RegionObject {
  constructor(state: DurableObjectState) {
    super(state, objectBindings, regionSettings);
  }
};

/** A copy of the Log, near the isolates that ask it. */
export class Region extends Base {}
