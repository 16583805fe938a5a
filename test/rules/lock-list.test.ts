/** The list of held locks, page by page, over shards that keep their own bounds. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkList } from "../../durable-objects/lock/checked-request.ts";
import type { LockContract, LockState } from "../../durable-objects/lock/contract.ts";
import { listLocks } from "../../workers/api/lock-list.ts";

/** An environment whose shards hold these locks; `shards` by their number. */
function environmentOf(shards: ReadonlyMap<number, readonly string[]>): Env {
  const shardOf = (name: string): Pick<LockContract, "list"> => ({
    list: async (request) => {
      checkList(request);
      const names = shards.get(Number(name.split("/").at(-1))) ?? [];
      const after = names.toSorted().filter((lock) => lock > request.after);
      const locks = after.slice(0, request.limit).map((lock): LockState => ({ lock, state: "held", token: 1 }));
      return { v: 1, locks };
    },
  });
  return { LOCK: { getByName: shardOf } } as unknown as Env;
}

async function allPages(env: Env, limit: number): Promise<readonly (readonly string[])[]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await listLocks(env, "test", limit, cursor);
    pages.push(page.locks.map(({ lock }) => lock));
    ({ cursor } = page);
  } while (cursor !== undefined);
  return pages;
}

describe("the list of locks", () => {
  test("has every lock once, in pages that are full but for the last", async () => {
    const shards = fc.uniqueArray(fc.tuple(fc.nat(63), fc.nat(40)), { minLength: 1, maxLength: 60, selector: String });
    await fc.assert(
      fc.asyncProperty(shards, fc.integer({ min: 1, max: 20 }), async (places, limit) => {
        const byShard = new Map<number, string[]>();
        for (const [shard, lock] of places) byShard.set(shard, [...(byShard.get(shard) ?? []), `${shard}-${lock}`]);
        const pages = await allPages(environmentOf(byShard), limit);
        expect(pages.flat().toSorted()).toEqual([...byShard.values()].flat().toSorted());
        for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
      }),
    );
  });

  test("a page may be as long as the API says, which is all that a shard answers at once", async () => {
    const many = Array.from({ length: 2_500 }, (_, index) => `lock-${String(index).padStart(4, "0")}`);
    const pages = await allPages(environmentOf(new Map([[7, many]])), 1_000);
    expect(pages.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(pages.flat()).toEqual(many);
  });
});
