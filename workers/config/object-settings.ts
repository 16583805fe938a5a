/** What the single writers are told of the configuration: values, at construction. */
import type { KeyringSettings } from "../../durable-objects/keyring/contract.ts";
import type { LockSettings } from "../../durable-objects/lock/contract.ts";
import type { LogSettings } from "../../durable-objects/log/contract.ts";
import type { RegionSettings } from "../../durable-objects/region/contract.ts";
import type { Mesh } from "./mesh.ts";

export interface ObjectSettings {
  readonly log: LogSettings;
  readonly region: RegionSettings;
  readonly lock: LockSettings;
  readonly keyring: KeyringSettings;
  readonly keySets: { readonly environment: string };
}

/** A week: long enough for a consumer to be mended over a weekend. */
const retentionMs = 604_800_000;
/** An isolate further behind believes nothing of what it had; that is cheaper than reading more. */
const viewEvents = 1_000;

export function objectSettings(mesh: Mesh): ObjectSettings {
  const { environment, regions, regionLeaseMs, viewLeaseMs, tokens } = mesh;
  return {
    log: { environment, regions, regionLeaseMs, retentionMs },
    region: { environment, regionLeaseMs, viewLeaseMs, viewEvents },
    lock: { environment },
    keyring: { environment, issuer: tokens.issuer, algorithm: tokens.algorithm },
    keySets: { environment },
  };
}
