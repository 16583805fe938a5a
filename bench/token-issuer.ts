/** An issuer of the benchmarks' own, on either side: its ES256 key, and as many of its access tokens as are asked for. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { PublicKey } from "../durable-objects/keyring/contract.ts";

export const issuer = "https://id.example.com";
export const audience = "urn:bench:inventory";

const keyId = "bench-1";

export interface TokenIssuer {
  readonly publicKey: PublicKey;
  /** Each another one, good for an hour: one subject of one tenant, so that they differ by `jti` alone. */
  readonly mint: (many: number) => Promise<readonly string[]>;
}

export async function openIssuer(): Promise<TokenIssuer> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const { kty = "", ...members } = await exportJWK(publicKey);
  const mintOne = () =>
    new SignJWT({ client_id: "console", scope: "read write", roles: ["editor"], tenant: "acme", sid: "bench-login" })
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: keyId })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject("ada@example.com")
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
  return {
    publicKey: { ...members, kty, kid: keyId, alg: "ES256", use: "sig" },
    mint: (many) => Promise.all(Array.from({ length: many }, mintOne)),
  };
}
