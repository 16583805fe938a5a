/**
 * The only place where an object's stub is made: its name, where it is first asked for, and the contract it speaks.
 * A stub is cheap and belongs to one request; after an exception a new one is needed.
 */
import type { AccountsContract, ApiKeysContract } from "./accounts/contract.ts";
import type { GrantsContract } from "./grants/contract.ts";
import type { KeyringContract } from "./keyring/contract.ts";
import type { KeySetsContract } from "./key-sets/contract.ts";
import type { LimiterContract } from "./limiter/contract.ts";
import type { LockContract } from "./lock/contract.ts";
import type { LogContract } from "./log/contract.ts";
import type { RegionContract } from "./region/contract.ts";
import * as names from "./names.ts";

/** Objects asked at once, where many are. */
const atOnce = 32;

export function logStub(env: Env, environment: string): LogContract {
  return typed<LogContract>(env.LOG.getByName(names.logName(environment)));
}

/** A Region lives where its name says: the hint counts at its first use only. */
export function regionStub(env: Env, environment: string, region: names.RegionName): RegionContract {
  return typed<RegionContract>(
    env.REGION.getByName(names.regionObjectName(environment, region), { locationHint: region }),
  );
}

export function limiterStub(env: Env, environment: string, limit: string, budget: string): LimiterContract {
  return typed<LimiterContract>(env.LIMITER.getByName(names.limiterName(environment, limit, budget)));
}

/** All of a limit's objects, a few at a time. */
export function* limiterShardStubs(env: Env, environment: string, limit: string): Iterable<readonly LimiterContract[]> {
  const all = names.limiterShardNames(environment, limit);
  for (let first = 0; first < all.length; first += atOnce) {
    yield all.slice(first, first + atOnce).map((name) => typed<LimiterContract>(env.LIMITER.getByName(name)));
  }
}

export function lockStub(env: Env, environment: string, lock: string): LockContract {
  return typed<LockContract>(env.LOCK.getByName(names.lockName(environment, lock)));
}

export function lockShardStub(env: Env, environment: string, shard: number): LockContract {
  return typed<LockContract>(env.LOCK.getByName(names.lockShardName(environment, shard)));
}

export function grantsStub(env: Env, environment: string, family: string): GrantsContract {
  return typed<GrantsContract>(env.GRANTS.getByName(names.grantsName(environment, family)));
}

/** The shard of an account's or a client's name, or of an API key's id. */
export function accountsStub(env: Env, environment: string, name: string): AccountsContract & ApiKeysContract {
  return typed<AccountsContract & ApiKeysContract>(env.ACCOUNTS.getByName(names.accountsName(environment, name)));
}

export function accountsShardStub(env: Env, environment: string, shard: number): AccountsContract & ApiKeysContract {
  return typed<AccountsContract & ApiKeysContract>(env.ACCOUNTS.getByName(names.accountsShardName(environment, shard)));
}

export function keyringStub(env: Env, environment: string): KeyringContract {
  return typed<KeyringContract>(env.KEYRING.getByName(names.keyringName(environment)));
}

export function keySetsStub(env: Env, environment: string, issuer: string): KeySetsContract {
  return typed<KeySetsContract>(env.KEY_SETS.getByName(names.keySetsName(environment, issuer)));
}

/** The classes keep their contracts (`implements`); what the generated binding type adds is only in the way here. */
function typed<Contract>(stub: DurableObjectStub<undefined>): Contract;
function typed<Contract>(stub: unknown): Contract {
  return stub as Contract;
}
