/** The held locks of all shards, a page at a time: by shard, and by name within one. */
import * as v from "valibot";
import type { LockState } from "../../durable-objects/lock/contract.ts";
import { lockShards } from "../../durable-objects/names.ts";
import { lockShardStub } from "../../durable-objects/stubs.ts";
import { asked } from "./lock-asking.ts";
import { refused } from "./refused.ts";

interface Position {
  readonly shard: number;
  /** The name after which the page begins; empty for the beginning of the shard. */
  readonly after: string;
}

/** Shards asked at once. */
const breadth = 16;

const positionShape = v.strictTuple([
  v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(lockShards - 1)),
  v.pipe(v.string(), v.maxLength(64)),
]);

export async function listLocks(
  env: Env,
  environment: string,
  limit: number,
  cursor: string | undefined,
): Promise<{ readonly locks: readonly LockState[]; readonly cursor?: string }> {
  const from = cursor === undefined ? { shard: 0, after: "" } : readCursor(cursor);
  const found: { readonly shard: number; readonly state: LockState }[] = [];
  // One more than wanted tells whether there is another page.
  for (let shard = from.shard; shard < lockShards && found.length <= limit; shard += breadth) {
    const shards = Array.from({ length: Math.min(breadth, lockShards - shard) }, (_, index) => shard + index);
    const lists = await Promise.all(
      shards.map(async (one) => {
        const request = { v: 1, after: one === from.shard ? from.after : "", limit: limit + 1 } as const;
        const { locks } = await asked(
          () => lockShardStub(env, environment, one),
          (stub) => stub.list(request),
        );
        return locks.map((state) => ({ shard: one, state }));
      }),
    );
    found.push(...lists.flat());
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const locks = page.map(({ state }) => state);
  return last === undefined || found.length <= limit
    ? { locks }
    : { locks, cursor: cursorOf({ shard: last.shard, after: last.state.lock }) };
}

/** base64url, so that nobody takes it apart; names are ASCII. */
function cursorOf({ shard, after }: Position): string {
  return btoa(JSON.stringify([shard, after]))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function readCursor(text: string): Position {
  try {
    const [shard, after] = v.parse(positionShape, JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/"))));
    return { shard, after };
  } catch {
    // Not base64, not JSON, or not a position: to its sender these are one mistake.
    throw refused("malformed_request", "query cursor: expected a cursor that a former page gave");
  }
}
