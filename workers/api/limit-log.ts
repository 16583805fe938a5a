/**
 * The newest live change of a limit that the Log has, and the isolate's view has not; null for none. A view may be a
 * lease older than a change that was accepted a moment ago: whoever says that there is none must have asked.
 */
import type { RuleVersion } from "../../durable-objects/limiter/contract.ts";
import type { Isolate } from "../isolate.ts";
import { LimitChanges } from "../view/limit-changes.ts";
import { askLog } from "./ask-log.ts";
import { refused } from "./refused.ts";

/** A view is a lease behind, which is one page; many are read only where the whole Log is new to it. */
const mostPages = 64;

export async function changeInLog(isolate: Isolate, limit: string): Promise<RuleVersion> {
  const found = new LimitChanges();
  let { cursor } = isolate.view;
  for (let pages = 0; pages < mostPages; pages += 1) {
    const asked = cursor;
    const page = await askLog(isolate, (log) => log.read({ v: 1, cursor: asked }));
    if (page.reset !== undefined) {
      found.reset(page.reset.floor);
      for (const event of page.reset.retained) found.learn(page.epoch, event);
    }
    for (const event of page.events) found.learn(page.epoch, event);
    if (page.to >= page.head) return found.changeOf(limit) ?? null;
    cursor = { epoch: page.epoch, seq: page.to };
  }
  throw refused("overloaded", "this edge is far behind the Log", { headers: { "Retry-After": "1" } });
}
