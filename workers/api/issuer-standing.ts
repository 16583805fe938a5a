/** How the outside issuers' key sets stand, for the status: each asked of the object that fetches it. */
import type { KeySetDescription, KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import { withinTime } from "../../durable-objects/platform/deadline.ts";
import { keySetsStub } from "../../durable-objects/stubs.ts";
import type { Isolate } from "../isolate.ts";

const callMs = 3_000;

export async function issuersShown({ env, mesh }: Isolate): Promise<readonly object[]> {
  const sources = [...mesh.issuers.values()].map(({ source }) => source);
  return Promise.all(
    sources.map(async (source) => {
      const { issuer } = source;
      try {
        const asked = keySetsStub(env, mesh.environment, issuer).describe({ v: 1, source });
        return shown(source, await withinTime(asked, callMs, "the key set's object"));
      } catch (error) {
        // One object that cannot be asked must not hide how the rest stands.
        console.warn({ event: "key_set_not_described", issuer, error: String(error) });
        return { issuer, state: "unknown" };
      }
    }),
  );
}

function shown({ issuer }: KeySetSource, description: KeySetDescription): object {
  const { state, keyIds, leftOut, fetchedAt, endsAt, failures, lastFailure, retryAt, staleUses } = description;
  return {
    issuer,
    state,
    keys: keyIds,
    leftOut,
    fetchedAt: instant(fetchedAt),
    endsAt: instant(endsAt),
    failures,
    lastFailure,
    retryAt: instant(retryAt),
    staleUses,
  };
}

function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
