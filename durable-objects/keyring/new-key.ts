/** Makes one key pair: the public part as it is published, the private part sealed at once. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import type { KeyPurpose, PublicKey } from "./contract.ts";
import type { KeyRecord } from "./key-table.ts";
import { seal } from "./sealed-key.ts";

export interface NewKey {
  readonly purpose: KeyPurpose;
  readonly algorithm: string;
  readonly now: number;
  /** It signs from now on. */
  readonly isUsed: boolean;
  readonly secret: string;
  readonly placeOf: (kid: string) => string;
}

export async function newKey({ purpose, algorithm, now, isUsed, secret, placeOf }: NewKey): Promise<KeyRecord> {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const publicKey: PublicKey = { ...jwk, kty: jwk.kty ?? "EC", kid, alg: algorithm, use: "sig" };
  const sealed = await seal(JSON.stringify(await exportJWK(pair.privateKey)), placeOf(kid), secret);
  const usedFrom = isUsed ? now : null;
  return { kid, purpose, algorithm, publicKey, ...sealed, madeAt: now, usedFrom, endsAt: null };
}
