/**
 * Revocations that keep out whoever could lift them: for ever, for a while, or for as long as somebody asks for them again.
 */
import type { RevocationTarget } from "../../durable-objects/revocations/contract.ts";
import { fits } from "../../durable-objects/revocations/naming.ts";
import type { Mesh } from "../config/mesh.ts";
import type { Isolate } from "../isolate.ts";
import { adminFacts } from "../token/admin-client.ts";
import { askKeyring } from "./keyring-asking.ts";
import { refused } from "./refused.ts";

/** Clocks of two hosts differ; a login waits for so long. */
const aheadMs = 1_000;

/**
 * The built-in client is the last way in: only who has all scopes anyway ends its tokens, or brings them back. Another
 * might end each as soon as it is given.
 */
export function expectMayName(
  { tokens }: Pick<Mesh, "tokens">,
  target: RevocationTarget,
  scopes: readonly string[],
): void {
  if (scopes.includes("mesh:admin") || !namesBuiltIn(target, tokens.issuer)) return;
  throw refused("forbidden", "expected the scope mesh:admin: it names the built-in client, too");
}

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
  if (namesBuiltIn(target, issuer)) {
    throw refused("malformed_request", "issuedBefore: expected no later than now: it names the built-in client, too");
  }
}

/** Every token of it, whatever else: a single one is known to nobody who does not have it. */
function namesBuiltIn(target: RevocationTarget, issuer: string): boolean {
  const { name } = adminFacts;
  return fits(target, { issuer, subject: name, client: name, issuedFrom: null });
}
