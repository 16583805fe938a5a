/** A list that many objects keep, a page at a time: by shard, and in the shard's own order within one. */
import * as v from "valibot";
import { base64url } from "../auth/mesh-key.ts";
import { refused } from "./refused.ts";

export interface Shards<Item> {
  readonly count: number;
  /** How many are asked at once, by default four: the rest of a page is seldom in a single one. */
  readonly breadth?: number;
  /** Those of one shard after this text; null for its beginning. */
  readonly list: (
    shard: number,
    after: string | null,
    limit: number,
  ) => Promise<{ readonly items: readonly Item[]; readonly isLast: boolean }>;
  /** What the shard's order goes by. */
  readonly placeOf: (item: Item) => string;
}

export async function pageOfShards<Item>(
  { count, breadth = 4, list, placeOf }: Shards<Item>,
  limit: number,
  cursor: string | undefined,
): Promise<{ readonly items: readonly Item[]; readonly cursor?: string }> {
  const from = cursor === undefined ? { shard: 0, after: null } : readCursor(cursor, count);
  const items: { readonly shard: number; readonly item: Item }[] = [];
  let isLast = true;
  for (let first = from.shard; first < count && isLast && items.length <= limit; first += breadth) {
    const shards = Array.from({ length: Math.min(breadth, count - first) }, (_, index) => first + index);
    const pages = await Promise.all(
      shards.map(async (shard) => ({
        shard,
        page: await list(shard, shard === from.shard ? from.after : null, limit + 1),
      })),
    );
    for (const { shard, page } of pages) {
      // What comes after a shard that has more is not in this page.
      if (isLast) items.push(...page.items.map((item) => ({ shard, item })));
      isLast = isLast && page.isLast;
    }
  }
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  const found = shown.map(({ item }) => item);
  if (last === undefined || (isLast && items.length <= limit)) return { items: found };
  return { items: found, cursor: cursorOf(last.shard, placeOf(last.item)) };
}

/** base64url, so that nobody takes it apart. */
function cursorOf(shard: number, after: string): string {
  return base64url(new TextEncoder().encode(JSON.stringify([shard, after])));
}

function readCursor(text: string, count: number): { readonly shard: number; readonly after: string } {
  const shape = v.strictTuple([
    v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(count - 1)),
    v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  ]);
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const [shard, after] = v.parse(
      shape,
      JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)),
    );
    return { shard, after };
  } catch {
    // Not base64, not JSON, or not a position: to its sender these are one mistake.
    throw refused("malformed_request", "query cursor: expected a cursor that a former page gave");
  }
}
