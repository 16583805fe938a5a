/** Makes tokens, good ones and every bad kind: an issuer with real keys that signs whatever it is told. */
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from "jose";
import type { PublicKey } from "../../durable-objects/keyring/contract.ts";

export interface MintedKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: PublicKey;
  readonly privateJwk: JWK;
}

export interface TokenPlan {
  /** Members over the usual ones; undefined takes one away. */
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** In place of the header or the claims as JSON. */
  readonly headerText?: string;
  readonly claimsText?: string;
  readonly claimsBytes?: Uint8Array;
  readonly key?: MintedKey;
  /** In place of the signature; gets what would be signed. */
  readonly signature?: (input: Uint8Array<ArrayBuffer>) => Promise<Uint8Array> | Uint8Array;
}

export interface MintOptions {
  readonly issuer: string;
  readonly audience: string;
  /** ms since 1970. */
  readonly now: number;
  readonly key?: MintedKey;
}

const parameters: Readonly<Record<string, EcdsaParams | RsaParams>> = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  ES384: { name: "ECDSA", hash: "SHA-384" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  PS256: { name: "RSA-PSS", saltLength: 32 },
  Ed25519: { name: "Ed25519" },
};

interface EcdsaParams {
  readonly name: "ECDSA";
  readonly hash: string;
}

interface RsaParams {
  readonly name: string;
  readonly saltLength?: number;
}

export async function mintKey(kid: string, algorithm = "ES256"): Promise<MintedKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const { kty = "", ...members } = await exportJWK(pair.publicKey);
  return {
    kid,
    algorithm,
    privateKey: pair.privateKey,
    publicJwk: { ...members, kty, kid, alg: algorithm, use: "sig" },
    privateJwk: await exportJWK(pair.privateKey),
  };
}

export class TokenMint {
  readonly key: MintedKey;
  readonly options: MintOptions;

  constructor(options: MintOptions, key: MintedKey) {
    this.options = options;
    this.key = key;
  }

  static async open(options: MintOptions): Promise<TokenMint> {
    return new TokenMint(options, options.key ?? (await mintKey("k1")));
  }

  /** The claims of a good access token (RFC 9068), valid from ten seconds ago for five minutes. */
  claims(): Record<string, unknown> {
    const issuedAt = Math.floor(this.options.now / 1_000) - 10;
    const { issuer, audience } = this.options;
    return {
      iss: issuer,
      aud: audience,
      sub: "ada",
      client_id: "console",
      iat: issuedAt,
      exp: issuedAt + 300,
      jti: "j-1",
      scope: "read write",
      roles: ["editor"],
    };
  }

  async token(plan: TokenPlan = {}): Promise<string> {
    const key = plan.key ?? this.key;
    const header = { alg: key.algorithm, typ: "at+jwt", kid: key.kid, ...plan.header };
    const first = encode(plan.headerText ?? JSON.stringify(header));
    const claims = plan.claimsBytes ?? plan.claimsText ?? JSON.stringify({ ...this.claims(), ...plan.claims });
    const input = Uint8Array.from(new TextEncoder().encode(`${first}.${encode(claims)}`));
    const signature = await (plan.signature ?? ((bytes) => sign(key, bytes)))(input);
    return `${new TextDecoder().decode(input)}.${encode(signature)}`;
  }
}

export function encode(content: string | Uint8Array): string {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export async function sign(key: MintedKey, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const how = parameters[key.algorithm];
  if (how === undefined) throw new Error(`cannot sign with ${key.algorithm}`);
  return new Uint8Array(await crypto.subtle.sign(how, key.privateKey, bytes));
}

/** An HMAC with these bytes as the key: what an attacker makes of a public key. */
export async function hmac(secret: Uint8Array<ArrayBuffer>, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}
