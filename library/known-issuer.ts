/**
 * The rules for the tokens of one issuer, checked as those of a mesh's configuration are. What a mesh knows of its own
 * issuer has no counterpart here: in its place is one without a key, so that it has signed nothing.
 */
import type { KeyringContract } from "../durable-objects/keyring/contract.ts";
import { compileIssuer } from "../workers/config/compile-issuer.ts";
import type { IssuerConfig } from "../workers/config/define.ts";
import type { Mesh, TokenSettings } from "../workers/config/mesh.ts";
import { Mistakes } from "../workers/config/mistakes.ts";

export type KnownIssuers = Pick<Mesh, "tokens" | "issuers">;

const nobody: TokenSettings = {
  issuer: "urn:selvedge:library:nobody",
  audience: "urn:selvedge:library:nobody",
  algorithm: "ES256",
  sharedSecret: null,
  ttlSeconds: 0,
  rotateAfterMs: null,
  refresh: null,
  cookie: "__Host-mesh",
  loginUrl: null,
  redirectUrl: null,
};

/** Throws what stops a mesh with such an issuer: every mistake, with its path. */
export function knownIssuer(options: IssuerConfig): KnownIssuers {
  const mistakes = new Mistakes();
  const issuer = compileIssuer(options, ["tokens"], false, mistakes);
  if (issuer?.issuer === nobody.issuer) mistakes.add(["tokens", "issuer"], "an issuer's own name", issuer.issuer);
  mistakes.throwIfAny();
  return { tokens: nobody, issuers: new Map(issuer === null ? [] : [[issuer.issuer, issuer]]) };
}

export const noKeyring: Pick<KeyringContract, "keys"> = {
  keys: async () => ({ v: 1, kind: "keys", issuer: nobody.issuer, keys: [], fetchedAt: 0 }),
};
