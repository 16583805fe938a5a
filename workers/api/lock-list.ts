/** The held locks of all shards, a page at a time: by shard, and by name within one. */
import type { LockState } from "../../durable-objects/lock/contract.ts";
import { lockShards } from "../../durable-objects/names.ts";
import { lockShardStub } from "../../durable-objects/stubs.ts";
import { asked } from "./lock-asking.ts";
import { pageOfShards } from "./shard-pages.ts";

/** Shards asked at once: few have any lock that is held. */
const breadth = 16;
/** What a shard answers at most. */
const mostOfShard = 1_000;

export async function listLocks(
  env: Env,
  environment: string,
  limit: number,
  cursor: string | undefined,
): Promise<{ readonly locks: readonly LockState[]; readonly cursor?: string }> {
  const list = async (shard: number, after: string | null, most: number) => {
    const request = { v: 1, after: after ?? "", limit: Math.min(most, mostOfShard) } as const;
    const { locks } = await asked(
      () => lockShardStub(env, environment, shard),
      (stub) => stub.list(request),
    );
    return { items: locks, isLast: locks.length < request.limit };
  };
  const placeOf = ({ lock }: LockState) => lock;
  const { items, ...rest } = await pageOfShards({ count: lockShards, breadth, list, placeOf }, limit, cursor);
  return { locks: items, ...rest };
}
