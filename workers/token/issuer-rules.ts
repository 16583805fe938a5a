/** The rules for one issuer's tokens: fixed by the configuration, chosen by the payload's `iss`, changed by nothing in a token. */
import type { Issuer, Mesh, TokenSettings } from "../config/mesh.ts";

export interface IssuerRules {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  /** Accepted `typ` values, lower case, without "application/". */
  readonly types: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly maxLifetimeSeconds: number;
  readonly toleranceSeconds: number;
  readonly claims: Issuer["claims"];
  /** A token may be for resources that it is bound to: then these are its audience. */
  readonly takesResources?: true;
}

/** RFC 9068 section 2.2. */
const accessTokenClaims = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] as const;
/** Own tokens live no longer than this, whatever the lifetime was when they were issued. */
const ownMaxLifetimeSeconds = 86_400;
/** Clocks of two hosts may be 250 ms apart, and `iat` has whole seconds. */
const ownToleranceSeconds = 1;

/** Another one than the configured may have signed what is still about: each key has one algorithm, and takes no other. */
const ownAlgorithms = ["ES256", "EdDSA", "Ed25519", "RS256"] as const;

/** What the mesh's own tokens must be: exactly what its keyring makes. */
function ownRules(tokens: TokenSettings): IssuerRules {
  return {
    issuer: tokens.issuer,
    audience: [tokens.audience],
    algorithms: tokens.algorithm === "HS256" ? ["HS256"] : ownAlgorithms,
    types: ["at+jwt"],
    requiredClaims: accessTokenClaims,
    maxLifetimeSeconds: Math.max(tokens.ttlSeconds, ownMaxLifetimeSeconds),
    toleranceSeconds: ownToleranceSeconds,
    claims: { tenant: "tenant", roles: "roles", client: "client_id" },
    takesResources: true,
  };
}

/** Own rules first: a configured outside issuer never stands in for the mesh. */
export function rulesOf(mesh: Pick<Mesh, "tokens" | "issuers">): ReadonlyMap<string, IssuerRules> {
  return new Map<string, IssuerRules>([...mesh.issuers, [mesh.tokens.issuer, ownRules(mesh.tokens)]]);
}
