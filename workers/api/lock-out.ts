/** Revocations that nobody could come back from: they would end the next token of whoever could lift them, too. */
import type { RevocationTarget } from "../../durable-objects/revocations/contract.ts";
import { fits } from "../../durable-objects/revocations/naming.ts";
import type { Isolate } from "../isolate.ts";
import { adminFacts } from "../token/admin-client.ts";
import { askKeyring } from "./keyring-asking.ts";
import { refused } from "./refused.ts";

/** Clocks of two hosts differ; a login waits for so long. */
const aheadMs = 1_000;

/** `issuedBefore` in ms since 1970; null when none is given. */
export async function expectLocksNobodyOut(
  isolate: Pick<Isolate, "env" | "mesh">,
  target: RevocationTarget,
  issuedBefore: number | null,
): Promise<void> {
  const { issuer } = isolate.mesh.tokens;
  const { kid } = target;
  // An outside issuer's key may have the same id: then its issuer must be named.
  if (kid !== undefined && (target.issuer ?? issuer) === issuer) {
    const known = await askKeyring(isolate, (keyring) => keyring.describe());
    if (known === null) {
      throw refused("overloaded", "the Keyring gave no answer, and nothing was done", {
        headers: { "Retry-After": "1" },
      });
    }
    if (known.keys.some((key) => key.kid === kid)) {
      throw refused("conflict", `kid: it is a key of the mesh's own: remove it by DELETE /signing-keys/${kid}`);
    }
  }
  if (issuedBefore === null || issuedBefore <= Date.now() + aheadMs) return;
  const { name } = adminFacts;
  if (fits(target, { issuer, subject: name, client: name, issuedFrom: null })) {
    throw refused("malformed_request", "issuedBefore: expected no later than now: it names the built-in client, too");
  }
}
