/**
 * What a browser asks of the authorization endpoint (RFC 6749 section 4.1.1, RFC 7636, RFC 9700 section 2.1). Pure.
 *
 * Until client and redirect are known to belong together nothing goes anywhere but to the person who asks: an address
 * that a request names is no place to send anything.
 */
import type { AuthParts, Client } from "./parts.ts";
import { isChallenge } from "./pkce.ts";
import { grantScopes } from "./scopes.ts";
import { targetOf, wrongTarget } from "./target.ts";

export interface AuthorizeRequest {
  readonly client: Client;
  readonly redirectUri: string;
  readonly state: string | null;
  readonly codeChallenge: string;
  readonly scope: string | undefined;
  /** RFC 8707; none for everything. */
  readonly resources: readonly string[];
}

export type AuthorizeFinding =
  | { readonly kind: "asked"; readonly request: AuthorizeRequest }
  /** For the person in front of the browser. */
  | { readonly kind: "malformed"; readonly detail: string }
  /** For the client, at its redirect. */
  | {
      readonly kind: "told";
      readonly redirectUri: string;
      readonly state: string | null;
      readonly error: "invalid_request" | "unsupported_response_type" | "invalid_scope" | "invalid_target";
      readonly detail: string;
    };

const longestState = 1_024;
const read = [
  "response_type",
  "client_id",
  "redirect_uri",
  "scope",
  "state",
  "code_challenge",
  "code_challenge_method",
];

/** The client's id, to look it up; null when the request names none, or one twice. */
export function clientIdOf(query: URLSearchParams): string | null {
  const ids = query.getAll("client_id");
  const [id = ""] = ids;
  return ids.length === 1 && id !== "" ? id : null;
}

/**
 * `client` is null for one that is unknown. RFC 6749 section 3.1: parameters that are not known are left alone, and what
 * has no value was not sent.
 */
export function readAuthorize(
  query: URLSearchParams,
  client: Client | null,
  parts: Pick<AuthParts, "settings" | "services">,
): AuthorizeFinding {
  const doubled = read.find((name) => query.getAll(name).length > 1);
  if (doubled !== undefined) return { kind: "malformed", detail: `${doubled}: expected once: received more than once` };
  if (client === null) return { kind: "malformed", detail: "client_id: expected a client that is known here" };
  const given = (name: string) => (query.get(name) === "" ? null : query.get(name));
  const redirectUri = given("redirect_uri");
  if (redirectUri === null || !isRedirectOf(client, redirectUri)) {
    return { kind: "malformed", detail: "redirect_uri: expected one that the client was registered with" };
  }
  const state = given("state");
  const told = (error: Extract<AuthorizeFinding, { kind: "told" }>["error"], detail: string) =>
    ({ kind: "told", redirectUri, state: isState(state) ? state : null, error, detail }) as const;
  if (!isState(state)) return told("invalid_request", `state: expected at most ${longestState} printable characters`);
  const type = given("response_type");
  if (type !== "code")
    return told(type === null ? "invalid_request" : "unsupported_response_type", "response_type: expected code");
  const codeChallenge = given("code_challenge") ?? "";
  if (query.get("code_challenge_method") !== "S256" || !isChallenge(codeChallenge)) {
    return told("invalid_request", "code_challenge: expected a SHA-256 in base64url, with code_challenge_method=S256");
  }
  const scope = given("scope") ?? undefined;
  if (client.scopes.length > 0 && grantScopes(scope, client.scopes).kind !== "granted") {
    return told("invalid_scope", "scope: expected scopes that the client may ask for");
  }
  const resources = query.getAll("resource").filter((one) => one !== "");
  if (targetOf(resources, { client, granted: null }, parts) === null) {
    return told(wrongTarget.error, wrongTarget.detail);
  }
  return { kind: "asked", request: { client, redirectUri, state, codeChallenge, scope, resources } };
}

/** Letter by letter; only the port of a program on the person's own machine is its own choice (RFC 8252 section 7.3). */
function isRedirectOf(client: Client, asked: string): boolean {
  if (client.redirectUris.includes(asked)) return true;
  const loopback = withoutPort(asked);
  return (
    loopback !== null &&
    URL.canParse(asked) &&
    client.redirectUris.some((registered) => withoutPort(registered) === loopback)
  );
}

function withoutPort(uri: string): string | null {
  const found = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(\/[^#]*)?$/.exec(uri);
  return found === null ? null : `${found[1] ?? ""}${found[2] ?? ""}`;
}

function isState(state: string | null): boolean {
  return state === null || (state.length <= longestState && /^[\x20-\x7e]*$/.test(state));
}

/** RFC 6749 section 4.1.2, RFC 9207: the answer says whose it is. */
export function redirectWith(
  redirectUri: string,
  issuer: string,
  answer: Readonly<Record<string, string | null>>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...answer, iss: issuer })) {
    if (value !== null) query.append(name, value);
  }
  // What was registered stays as it is written, its own query too.
  return `${redirectUri}${redirectUri.includes("?") ? "&" : "?"}${query.toString()}`;
}
