/** Writes one token (RFC 9068): the claims that only the signer may set, and the signature. */
import { SignJWT } from "jose";
import { longestTtlSeconds, type SignRequest } from "./contract.ts";

export interface SigningKey {
  /** null for a shared secret: who verifies has one only. */
  readonly kid: string | null;
  readonly algorithm: string;
  readonly key: CryptoKey | Uint8Array;
}

export interface SignedToken {
  readonly token: string;
  /** ms since 1970. */
  readonly expiresAt: number;
  readonly jti: string;
}

/** What the signer sets itself: a caller that names one of them has a defect. */
const reservedClaims = ["iss", "iat", "exp", "nbf", "jti"] as const;

/** `now` in ms since 1970; `jti` is unique. */
export async function signToken(
  request: SignRequest,
  issuer: string,
  { kid, algorithm, key }: SigningKey,
  now: number,
  jti: string,
): Promise<SignedToken> {
  const { claims, ttlSeconds, type } = request;
  const reserved = reservedClaims.find((name) => Object.hasOwn(claims, name));
  if (reserved !== undefined)
    throw new Error(`cannot sign: the claim ${reserved} is set by the keyring: received it in the request`);
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > longestTtlSeconds) {
    throw new Error(`cannot sign: expected ttlSeconds from 1 to ${longestTtlSeconds}: received ${ttlSeconds}`);
  }
  const issuedAt = Math.floor(now / 1_000);
  const expiresAt = issuedAt + ttlSeconds;
  const token = await new SignJWT({ iss: issuer, ...claims, iat: issuedAt, exp: expiresAt, jti })
    .setProtectedHeader({ alg: algorithm, typ: type, ...(kid === null ? {} : { kid }) })
    .sign(key);
  return { token, expiresAt: expiresAt * 1_000, jti };
}
