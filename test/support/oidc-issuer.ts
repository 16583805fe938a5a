/**
 * A real OpenID provider on loopback. It gives access tokens (RFC 9068) by client credentials and by logins, signed with
 * ES256; its keys can be replaced and it can be taken down while others use it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import Provider from "oidc-provider";
import { OidcStore } from "./oidc-store.ts";
import { configurationOf, service } from "./oidc-settings.ts";

export const audience = "urn:test:inventory";
export const otherAudience = "urn:test:billing";

/** Its ES256 keys, by their ids. */
export type IssuerKeyId = "issuer-1" | "issuer-2";

export class OidcIssuer {
  readonly issuer: string;
  /** Requests by path, as they came. */
  readonly calls = new Map<string, number>();
  /** The public half of its RSA key as a PEM: what an attacker takes for an HMAC's secret. */
  readonly rsaPem: string;
  /** Logout tokens that it sent to its application, newest last. */
  readonly logoutTokens: string[] = [];
  /** While false, every request to it is answered with 503. */
  isUp = true;
  readonly #server: Server;
  readonly #keys: IssuerKeys;
  readonly #lifetimeSeconds: number;
  readonly #store = new OidcStore();
  #provider: Provider;

  private constructor(server: Server, issuer: string, keys: IssuerKeys, lifetimeSeconds: number) {
    this.#server = server;
    this.issuer = issuer;
    this.#keys = keys;
    this.#lifetimeSeconds = lifetimeSeconds;
    this.rsaPem = keys.rsaPem;
    this.#provider = this.#providerWith(["issuer-1"]);
  }

  /** `lifetimeSeconds` is that of the access tokens. */
  static async start(lifetimeSeconds = 300): Promise<OidcIssuer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const made = new OidcIssuer(server, issuer, await makeKeys(), lifetimeSeconds);
    server.on("request", (request, response) => void made.#answer(request, response));
    return made;
  }

  /** How often its keys were fetched. */
  get keyFetches(): number {
    return this.calls.get("/jwks") ?? 0;
  }

  /** Publishes these keys from now on and signs by the first, as a provider does that is started with other keys. */
  publish(signing: IssuerKeyId, ...others: readonly IssuerKeyId[]): void {
    this.#provider = this.#providerWith([signing, ...others]);
  }

  async token(resource = audience): Promise<string> {
    const response = await fetch(`${this.issuer}/token`, {
      method: "POST",
      headers: { Authorization: `Basic ${btoa(`${service.id}:${encodeURIComponent(service.secret)}`)}` },
      body: new URLSearchParams({ grant_type: "client_credentials", resource, scope: "read" }),
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`cannot get a token: received ${response.status}: ${body}`);
    return (JSON.parse(body) as { readonly access_token: string }).access_token;
  }

  /** A token that the provider itself would not give, under its own key: the usual claims with these changes. */
  async sign(claims: JWTPayload, type = "at+jwt"): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const usual = { iss: this.issuer, aud: audience, sub: service.id, client_id: service.id, iat: now, exp: now + 300 };
    return new SignJWT({ ...usual, jti: crypto.randomUUID(), scope: "read", ...claims })
      .setProtectedHeader({ alg: "ES256", typ: type, kid: "issuer-1" })
      .sign(this.#keys.elliptic["issuer-1"].privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", this.issuer).pathname;
    this.calls.set(path, (this.calls.get(path) ?? 0) + 1);
    if (!this.isUp) {
      request.resume();
      response.writeHead(503).end();
    } else if (path.startsWith("/interaction/")) {
      await agree(this.#provider, request, response);
    } else {
      await this.#provider.callback()(request, response);
    }
  }

  #providerWith(ids: readonly IssuerKeyId[]): Provider {
    const { elliptic, rsa } = this.#keys;
    const keys = [...ids.map((id) => elliptic[id].jwk), rsa];
    const settings = {
      keys,
      lifetimeSeconds: this.#lifetimeSeconds,
      store: this.#store,
      takeLogoutToken: (token: string) => void this.logoutTokens.push(token),
    };
    return new Provider(this.issuer, configurationOf(settings));
  }
}

/** Whoever is asked to log in is Ada, and whoever is asked to agree does. */
async function agree(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, session, params } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    const login = { login: { accountId: "ada" } };
    return provider.interactionFinished(request, response, login, { mergeWithLastSubmission: false });
  }
  const grant = new provider.Grant({ accountId: session?.accountId ?? "", clientId: String(params["client_id"]) });
  grant.addOIDCScope(String(params["scope"]));
  grant.addResourceScope(String(params["resource"]), "read");
  const consent = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, consent, { mergeWithLastSubmission: true });
}

interface IssuerKeys {
  readonly elliptic: Readonly<Record<IssuerKeyId, { readonly jwk: JWK; readonly privateKey: CryptoKey }>>;
  readonly rsa: JWK;
  readonly rsaPem: string;
}

async function makeKeys(): Promise<IssuerKeys> {
  const [first, second] = await Promise.all([makeElliptic("issuer-1"), makeElliptic("issuer-2")]);
  const rsa = await generateKeyPair("RS256", { extractable: true });
  return {
    elliptic: { "issuer-1": first, "issuer-2": second },
    rsa: { ...(await exportJWK(rsa.privateKey)), kid: "issuer-rsa", alg: "RS256", use: "sig" },
    rsaPem: await exportSPKI(rsa.publicKey),
  };
}

async function makeElliptic(kid: IssuerKeyId): Promise<{ readonly jwk: JWK; readonly privateKey: CryptoKey }> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { jwk: { ...(await exportJWK(privateKey)), kid, alg: "ES256", use: "sig" }, privateKey };
}
