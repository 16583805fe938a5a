/** What the single writers are told of the configuration: values, at construction. */
import type { AccountsSettings } from "../../durable-objects/accounts/contract.ts";
import { longestTtlSeconds, type KeyringSettings } from "../../durable-objects/keyring/contract.ts";
import type { GrantsSettings } from "../../durable-objects/grants/contract.ts";
import type { LockSettings } from "../../durable-objects/lock/contract.ts";
import type { LogSettings } from "../../durable-objects/log/contract.ts";
import type { RegionSettings } from "../../durable-objects/region/contract.ts";
import { guardOf } from "../../durable-objects/platform/lease.ts";
import { longestRevocationMs, loginLifeMs } from "../token/revocation-life.ts";
import type { Mesh } from "./mesh.ts";

export interface ObjectSettings {
  readonly log: LogSettings;
  readonly region: RegionSettings;
  readonly lock: LockSettings;
  readonly keyring: KeyringSettings;
  readonly accounts: AccountsSettings;
  readonly grants: GrantsSettings;
  readonly keySets: { readonly environment: string };
}

/** A week: long enough for a consumer to be mended over a weekend. */
const leastRetentionMs = 604_800_000;
/** A Region that comes late learns of every revocation that still holds; a day for what is late in itself. */
const lateMs = 86_400_000;
/** Of one call: the platform refuses more. */
const passwordIterations = 100_000;
/** How late the Log's alarm may bring what every push has lost. */
const logAlarmMs = 2_000;
/** An isolate further behind believes nothing of what it had; that is cheaper than reading more. */
const viewEvents = 1_000;

export function objectSettings(mesh: Mesh): ObjectSettings {
  const { environment, regions, regionLeaseMs, viewLeaseMs } = mesh;
  return {
    log: {
      environment,
      regions,
      regionLeaseMs,
      retentionMs: Math.max(leastRetentionMs, longestRevocationMs(mesh) + lateMs),
    },
    region: { environment, regionLeaseMs, viewLeaseMs, viewEvents },
    lock: { environment },
    keyring: keyringSettings(mesh),
    accounts: {
      environment,
      issuer: mesh.tokens.issuer,
      // A change ends what came of logins, refresh tokens too.
      longestTokenMs: loginLifeMs(mesh, mesh.tokens.issuer),
      passwords: { iterations: passwordIterations, rounds: mesh.accounts.rounds },
    },
    grants: { environment, issuer: mesh.tokens.issuer, longestTokenMs: longestTtlSeconds * 1_000 },
    keySets: { environment },
  };
}

function keyringSettings({ environment, tokens, regionLeaseMs, viewLeaseMs }: Mesh): KeyringSettings {
  const { issuer, algorithm, sharedSecret, rotateAfterMs } = tokens;
  return {
    environment,
    issuer,
    algorithm,
    sharedSecret,
    rotateAfterMs,
    // An event is known everywhere, or no longer waited for, within both leases; the rest is the Log's alarm.
    settleMs: guardOf(regionLeaseMs) + guardOf(viewLeaseMs) + logAlarmMs,
    longestTokenMs: longestTtlSeconds * 1_000,
  };
}
