/** A browser and an application at an OpenID provider: authorization code with PKCE (RFC 7636), refresh, logout. */
import { createHash, randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { app } from "./oidc-settings.ts";

export interface LoginTokens {
  readonly access_token: string;
  readonly id_token: string;
  readonly refresh_token: string;
  readonly token_type: string;
}

interface LoginOptions {
  readonly issuer: string;
  readonly audience: string;
  /** How the authorization response comes back: in the query, or as a JWT (JARM). */
  readonly responseMode?: "query" | "query.jwt";
  readonly scope?: string;
}

/** What an application has between the two steps. */
export interface Granted {
  readonly verifier: string;
  /** The parameters of the authorization response. */
  readonly response: URLSearchParams;
}

export class OidcBrowser {
  readonly #cookies = new Map<string, string>();

  /** Follows the provider to the application; whoever is asked to log in or to agree has done so. */
  async authorize({ issuer, audience, responseMode = "query", scope = "openid read" }: LoginOptions): Promise<Granted> {
    const verifier = randomBytes(32).toString("base64url");
    const query = new URLSearchParams({
      client_id: app.id,
      response_type: "code",
      response_mode: responseMode,
      redirect_uri: app.redirectUri,
      scope,
      resource: audience,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    let place = `${issuer}/auth?${query.toString()}`;
    for (let step = 0; step < 10; step += 1) {
      const response = await this.request(place);
      place = new URL(response.headers.get("location") ?? "", place).href;
      if (place.startsWith(app.redirectUri)) return { verifier, response: new URL(place).searchParams };
    }
    throw new Error(`cannot log in: expected to come back to the application: received ${place}`);
  }

  /** Ends the session at the provider, which tells the application by a logout token. */
  async logout(issuer: string, idToken: string): Promise<void> {
    const page = await (await this.request(`${issuer}/session/end?id_token_hint=${idToken}`)).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
    const body = new URLSearchParams({ xsrf, logout: "yes" });
    await (await this.request(`${issuer}/session/end/confirm`, { method: "POST", body })).text();
  }

  async request(place: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(place, { ...init, redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }
}

export async function exchange(
  issuer: string,
  audience: string,
  { verifier, response }: Granted,
  proof?: string,
): Promise<LoginTokens> {
  const code = response.get("code") ?? "";
  const grant = { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: app.redirectUri };
  return token(issuer, { ...grant, resource: audience }, proof);
}

export function refresh(issuer: string, audience: string, refreshToken: string): Promise<LoginTokens> {
  return token(issuer, { grant_type: "refresh_token", refresh_token: refreshToken, resource: audience });
}

async function token(issuer: string, fields: Readonly<Record<string, string>>, proof?: string): Promise<LoginTokens> {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: proof === undefined ? {} : { DPoP: proof },
    body: new URLSearchParams({ client_id: app.id, ...fields }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`cannot get tokens: received ${response.status}: ${text}`);
  return JSON.parse(text) as LoginTokens;
}

/** A proof of possession (RFC 9449 section 4.2), signed by a key of the application's own. */
export async function dpopProof(method: string, url: string): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  return new SignJWT({ htm: method, htu: url, jti: randomBytes(16).toString("base64url") })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: await exportJWK(publicKey) })
    .setIssuedAt()
    .sign(privateKey);
}
