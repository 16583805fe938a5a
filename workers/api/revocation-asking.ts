/** Asks a Region which revocations hold. None can be told of that this edge knows to be lifted. */
import type { NotCurrent, RegionContract } from "../../durable-objects/region/contract.ts";
import type { Revocation } from "../../durable-objects/revocations/contract.ts";
import { regionStub } from "../../durable-objects/stubs.ts";
import type { Isolate } from "../isolate.ts";
import { askNearest } from "../view/nearest.ts";
import { nearestFirst } from "../view/place.ts";
import { refused } from "./refused.ts";

export async function listRevocations(
  isolate: Isolate,
  after: string,
  limit: number,
): Promise<{ readonly items: readonly Revocation[]; readonly isLast: boolean }> {
  const { cursor } = isolate.view;
  return await askRegion(isolate, (region) => region.revocations({ v: 1, cursor, after, limit }));
}

/** Null when none of this id holds. */
export async function findRevocation(isolate: Isolate, id: string): Promise<Revocation | null> {
  const { cursor } = isolate.view;
  const answer = await askRegion(isolate, (region) => region.revocation({ v: 1, cursor, id }));
  return answer.kind === "found" ? answer.revocation : null;
}

async function askRegion<Answer extends { readonly kind: string }>(
  { env, mesh, region }: Isolate,
  ask: (region: RegionContract) => Promise<Answer | NotCurrent>,
): Promise<Exclude<Answer, NotCurrent>> {
  const answer = await askNearest(nearestFirst(region, mesh.regions), async (name) => {
    const given = await ask(regionStub(env, mesh.environment, name));
    return given.kind === "not_current" ? null : (given as Exclude<Answer, NotCurrent>);
  });
  if (answer === null) throw refused("not_current", undefined, { headers: { "Retry-After": "1" } });
  return answer;
}
