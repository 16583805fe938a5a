/**
 * The only place where an object's name, and with it its shard, is made.
 *
 * Names start with the environment, so that two meshes on one account never share an object. No name is made of a
 * client's text: what clients choose is hashed into a fixed number of shards. Changing a shard count moves every key.
 */

/** The platform's location hints; a region of the mesh is one of them. */
export const regionNames = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;
export type RegionName = (typeof regionNames)[number];

/** Shards of one limit: each holds many budgets and answers a few hundred durable charges a second. */
const limiterShards = 256;
/** Shards of codes and families of refresh tokens. */
const grantShards = 64;
/** Shards of accounts, clients and API keys: what is listed is gathered from all of them. */
export const accountShards = 16;
/** Shards of the lock table. */
export const lockShards = 64;

export function isRegionName(text: string): text is RegionName {
  return (regionNames as readonly string[]).includes(text);
}

export function logName(environment: string): string {
  return `${environment}/log`;
}

export function regionObjectName(environment: string, region: RegionName): string {
  return `${environment}/region/${region}`;
}

/** The region in a Region object's own name; undefined for a name that `regionObjectName` did not make. */
export function regionOfObject(name: string | undefined): RegionName | undefined {
  const last = name?.slice(name.lastIndexOf("/") + 1) ?? "";
  return isRegionName(last) ? last : undefined;
}

export function limiterName(environment: string, limit: string, budget: string): string {
  return limiterShardName(environment, limit, shardOf(budget, limiterShards));
}

function limiterShardName(environment: string, limit: string, shard: number): string {
  return `${environment}/limiter/${limit}/${shard}`;
}

/** All objects that a limit may have. */
export function limiterShardNames(environment: string, limit: string): readonly string[] {
  return Array.from({ length: limiterShards }, (_, shard) => limiterShardName(environment, limit, shard));
}

export function lockName(environment: string, lock: string): string {
  return lockShardName(environment, shardOf(lock, lockShards));
}

export function lockShardName(environment: string, shard: number): string {
  return `${environment}/lock/${shard}`;
}

export function grantsName(environment: string, family: string): string {
  return `${environment}/grants/${shardOf(family, grantShards)}`;
}

/** By the name alone: an account and a client of one name meet in one object. API keys go by their id. */
export function accountsName(environment: string, name: string): string {
  return accountsShardName(environment, shardOf(name, accountShards));
}

export function accountsShardName(environment: string, shard: number): string {
  return `${environment}/accounts/${shard}`;
}

export function keyringName(environment: string): string {
  return `${environment}/keyring`;
}

/** One object fetches one issuer's keys. Issuers come from the configuration, never from a token. */
export function keySetsName(environment: string, issuer: string): string {
  return `${environment}/key-sets/${issuer}`;
}

/** FNV-1a over UTF-16 code units with a final mix: stable for ever, because a shard holds state. */
function shardOf(text: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % shards;
}
