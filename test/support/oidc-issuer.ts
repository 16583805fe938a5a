/** A real OpenID provider on loopback that gives access tokens by client credentials (RFC 9068), signed with ES256. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import Provider, { type Configuration } from "oidc-provider";

export const audience = "urn:test:inventory";
export const otherAudience = "urn:test:billing";

const client = { id: "service", secret: "the secret of a client of the test" };

export class OidcIssuer {
  readonly issuer: string;
  /** Requests by path, as they came. */
  readonly calls = new Map<string, number>();
  /** The public half of its RSA key as a PEM: what an attacker takes for an HMAC's secret. */
  readonly rsaPem: string;
  readonly #server: Server;
  readonly #keys: IssuerKeys;

  private constructor(server: Server, issuer: string, keys: IssuerKeys) {
    this.#server = server;
    this.issuer = issuer;
    this.#keys = keys;
    this.rsaPem = keys.rsaPem;
  }

  /** `lifetimeSeconds` is that of the access tokens. */
  static async start(lifetimeSeconds = 300): Promise<OidcIssuer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const keys = await makeKeys();
    const provider = new Provider(issuer, configurationOf(keys.jwks, lifetimeSeconds));
    const made = new OidcIssuer(server, issuer, keys);
    const handle = provider.callback();
    server.on("request", (request, response) => {
      const path = new URL(request.url ?? "/", issuer).pathname;
      made.calls.set(path, (made.calls.get(path) ?? 0) + 1);
      void handle(request, response);
    });
    return made;
  }

  /** How often its keys were fetched. */
  get keyFetches(): number {
    return this.calls.get("/jwks") ?? 0;
  }

  async token(resource = audience): Promise<string> {
    const response = await fetch(`${this.issuer}/token`, {
      method: "POST",
      headers: { Authorization: `Basic ${btoa(`${client.id}:${encodeURIComponent(client.secret)}`)}` },
      body: new URLSearchParams({ grant_type: "client_credentials", resource, scope: "read" }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`cannot get a token: received ${response.status}: ${text}`);
    return (JSON.parse(text) as { readonly access_token: string }).access_token;
  }

  /** A token that the provider itself would not give, under its own key: the usual claims with these changes. */
  async sign(claims: JWTPayload): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const usual = { iss: this.issuer, aud: audience, sub: client.id, client_id: client.id, iat: now, exp: now + 300 };
    return new SignJWT({ ...usual, jti: crypto.randomUUID(), scope: "read", ...claims })
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "issuer-1" })
      .sign(this.#keys.signingKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

interface IssuerKeys {
  readonly jwks: readonly JWK[];
  readonly signingKey: CryptoKey;
  readonly rsaPem: string;
}

async function makeKeys(): Promise<IssuerKeys> {
  const ec = await generateKeyPair("ES256", { extractable: true });
  const rsa = await generateKeyPair("RS256", { extractable: true });
  return {
    jwks: [
      { ...(await exportJWK(ec.privateKey)), kid: "issuer-1", alg: "ES256", use: "sig" },
      { ...(await exportJWK(rsa.privateKey)), kid: "issuer-rsa", alg: "RS256", use: "sig" },
    ],
    signingKey: ec.privateKey,
    rsaPem: await exportSPKI(rsa.publicKey),
  };
}

function configurationOf(keys: readonly JWK[], lifetimeSeconds: number): Configuration {
  return {
    jwks: { keys },
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: "ES256",
      },
    ],
    enabledJWA: { idTokenSigningAlgValues: ["ES256"] },
    ttl: { ClientCredentials: lifetimeSeconds },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: "read write",
          audience: resource,
          accessTokenTTL: lifetimeSeconds,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  };
}
