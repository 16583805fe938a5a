/** Proof Key for Code Exchange (RFC 7636), S256 only: `plain` proves nothing to whoever has read the request. */
import { base64url } from "./mesh-key.ts";

const verifierPattern = /^[A-Za-z0-9._~-]{43,128}$/;
/** 256 bits in their one spelling. */
const challengePattern = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export function isVerifier(text: string): boolean {
  return verifierPattern.test(text);
}

export function isChallenge(text: string): boolean {
  return challengePattern.test(text);
}

export async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}
