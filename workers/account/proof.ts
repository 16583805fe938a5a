/** What proves a secret to the objects: its digest. Secrets are long and random, so that one digest is enough (RFC 4086). */
import type { Proof } from "../../durable-objects/accounts/contract.ts";
import { base64url } from "../auth/mesh-key.ts";

const secretBytes = 32;

export async function proofOf(secret: string | Uint8Array<ArrayBuffer>): Promise<Proof> {
  const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** A client's secret: 256 random bits as text. */
export function newSecret(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(secretBytes)));
}
