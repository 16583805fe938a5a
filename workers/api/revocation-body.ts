/** What a revocation may name, as a caller writes it. */
import * as v from "valibot";
import type { RevocationTarget } from "../../durable-objects/revocations/contract.ts";
import type { Mesh } from "../config/mesh.ts";
import { givenEventId, instant, text } from "./fields.ts";
import { refused } from "./refused.ts";

/** Of a claim's text, bytes: no token is longer. */
const claim = text(1, 8_192);

export const eventId = v.pipe(
  v.string("expected a text"),
  v.regex(/^[A-Za-z0-9._:-]{1,128}$/, "expected 1 to 128 of [A-Za-z0-9._:-]"),
);

export const revocationBody = v.strictObject({
  token: v.optional(v.string("expected a token")),
  jti: v.optional(claim),
  subject: v.optional(claim),
  client: v.optional(claim),
  tenant: v.optional(claim),
  family: v.optional(claim),
  kid: v.optional(text(1, 256)),
  issuer: v.optional(text(1, 256)),
  issuedBefore: v.optional(instant),
  id: v.optional(givenEventId),
});

export type RevocationBody = v.InferOutput<typeof revocationBody>;

/** Without `token`, which names itself by what it says once it was verified. */
export function targetIn(mesh: Pick<Mesh, "tokens" | "issuers">, body: RevocationBody): RevocationTarget {
  const { jti, subject, client, tenant, family, kid, issuer } = body;
  // A misspelt issuer would name nobody, and say that it was done.
  if (issuer !== undefined && issuer !== mesh.tokens.issuer && !mesh.issuers.has(issuer)) {
    throw refused("malformed_request", "issuer: expected the mesh's own or a configured one");
  }
  const given = Object.entries({ jti, subject, client, tenant, family, kid, issuer }).filter(
    ([, name]) => name !== undefined,
  );
  return Object.fromEntries(given);
}

/** Together with a token nothing but its issuer says anything. */
export function isTokenAlone({ jti, subject, client, tenant, family, kid, issuedBefore }: RevocationBody): boolean {
  return [jti, subject, client, tenant, family, kid, issuedBefore].every((field) => field === undefined);
}
