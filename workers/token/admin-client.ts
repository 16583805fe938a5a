/** The built-in client `admin`: break-glass, known by a secret of the operator's, never stored in the mesh. */
import type { AccountFacts } from "../../durable-objects/accounts/contract.ts";
import type { ClientCredential } from "./client-credential.ts";

const adminClient = "admin";
/** The client of whoever asks for an account without one: the mesh itself (RFC 9068 wants one in every token). */
export const ownClient = "mesh";

/** Scopes that a token of the built-in client may have; `mesh:admin` is all of them. */
export const adminScopes = [
  "mesh:read",
  "mesh:tokens",
  "mesh:limits",
  "mesh:locks",
  "mesh:events",
  "mesh:admin",
] as const;

/** The built-in client as others are known. */
export const adminFacts: AccountFacts = Object.freeze({
  kind: "client",
  name: adminClient,
  roles: [],
  tenant: null,
  claims: {},
  scopes: adminScopes,
  resources: [],
  redirectUris: [],
  isPublic: false,
  isDisabled: false,
  expiresAt: null,
  createdAt: 0,
  changedAt: 0,
  proofChangedAt: 0,
  version: 0,
});

/** Only sometimes there, so not part of the generated `Env`: accepted while the secret is rotated. */
export interface AdminSecrets {
  readonly MESH_ADMIN_SECRET: string;
  readonly MESH_ADMIN_SECRET_PREVIOUS?: string;
}

const leastLength = 32;

/**
 * Digests are compared, in full and for every pair: how long it takes tells nothing of a secret, not even its length.
 * A secret that is too short to be one opens nothing.
 */
export async function isAdmin(credential: ClientCredential, env: AdminSecrets): Promise<boolean> {
  const known = [env.MESH_ADMIN_SECRET, env.MESH_ADMIN_SECRET_PREVIOUS ?? ""].filter(
    (secret) => secret.length >= leastLength,
  );
  const expected = await Promise.all(known.map(digestOf));
  const given = await Promise.all(credential.secrets.map(digestOf));
  let matches = 0;
  for (const one of expected) for (const other of given) matches += isSame(one, other) ? 1 : 0;
  return matches > 0 && credential.client === adminClient;
}

async function digestOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  let difference = 0;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0x100);
  return difference === 0;
}

/** The scopes asked for, each once; all of them when none is named. Null when one is unknown. */
export function scopesAskedFor(scope: string | undefined): readonly string[] | null {
  const asked = new Set((scope ?? "mesh:admin").split(" ").filter((name) => name !== ""));
  if (asked.size === 0) return null;
  return [...asked].every((name) => (adminScopes as readonly string[]).includes(name)) ? [...asked] : null;
}

/** Names that tokens use for the mesh itself: the built-in client, and the client of accounts that log in without one. */
const builtIn: ReadonlySet<string> = new Set([adminClient, ownClient]);

export function isBuiltIn(name: string): boolean {
  return builtIn.has(name);
}
