/**
 * What is asked of the token endpoint (RFC 6749, RFC 7636): by Basic credentials alone, or by a form with a grant type.
 * Pure: every field that a grant needs is there and fits; those of other grants are left alone (RFC 6749 section 3.2).
 */
import {
  readClientCredential,
  type ClientCredential,
  type ClientCredentialFinding,
  type TokenForm,
} from "../token/client-credential.ts";
import { isVerifier } from "./pkce.ts";

/** Who asks for an account or with a code: nobody, a client with its secret, or a public one, which has none. */
export type AskingClient = ClientCredential | { readonly client: string; readonly secrets: null } | null;

/** What a token is to be for: `resources` as RFC 8707 has them, none for everything. */
interface Wish {
  readonly scope: string | undefined;
  readonly resources: readonly string[];
}

export type TokenRequest =
  /** Basic credentials without a form: whose they are shows when they are looked up. */
  | { readonly grant: "basic"; readonly credential: ClientCredential }
  | ({
      readonly grant: "password";
      readonly name: string;
      readonly password: string;
      readonly client: AskingClient;
    } & Wish)
  | ({ readonly grant: "client_credentials"; readonly credential: ClientCredential } & Wish)
  | ({ readonly grant: "refresh_token"; readonly token: string; readonly client: AskingClient } & Wish)
  | {
      readonly grant: "authorization_code";
      readonly code: string;
      readonly verifier: string;
      readonly redirectUri: string;
      readonly client: NonNullable<AskingClient>;
      readonly resources: readonly string[];
    };

export type TokenRequestFinding =
  | { readonly kind: "asked"; readonly request: TokenRequest }
  /** No credentials at all. */
  | { readonly kind: "missing" }
  | {
      readonly kind: "malformed";
      readonly error: "invalid_request" | "unsupported_grant_type";
      readonly detail: string;
    };

/** Without which there is nothing to ask, by grant. */
const neededBy = {
  password: ["username", "password"],
  client_credentials: [],
  refresh_token: ["refresh_token"],
  authorization_code: ["code", "code_verifier", "redirect_uri"],
} as const;

type GrantType = keyof typeof neededBy;
const longestField = 8_192;

export function readTokenRequest(authorization: string | null, form: TokenForm): TokenRequestFinding {
  const grant = form.get("grant_type");
  if (grant === undefined) return readWithoutGrant(authorization, form);
  if (!isGrantType(grant)) {
    const detail = `grant_type: expected one of ${Object.keys(neededBy).join(", ")}`;
    return { kind: "malformed", error: "unsupported_grant_type", detail };
  }
  const fault = faultOf(form, grant);
  if (fault !== null) return malformed(fault);
  const found = readAskingClient(authorization, form);
  if (found.kind === "malformed") return malformed(found.detail);
  const wish = { scope: form.get("scope"), resources: resourcesIn(form) };
  switch (grant) {
    case "client_credentials":
      if (found.client === null) return { kind: "missing" };
      if (found.client.secrets === null) return malformed("client_secret: expected beside client_id");
      return asked({ grant, credential: found.client, ...wish });
    case "password":
      return asked({
        grant,
        name: given(form, "username"),
        password: given(form, "password"),
        client: found.client,
        ...wish,
      });
    case "refresh_token":
      return asked({ grant, token: given(form, "refresh_token"), client: found.client, ...wish });
    case "authorization_code":
      return readCodeRequest(form, found.client);
  }
}

/** RESTHeart's way: Basic credentials, and nothing else. */
function readWithoutGrant(authorization: string | null, form: TokenForm): TokenRequestFinding {
  if (form.size > 0) return malformed("grant_type: expected in the form");
  const found = readClientCredential(authorization, form);
  if (found.kind === "malformed") return malformed(found.detail);
  return found.kind === "missing" ? found : asked({ grant: "basic", credential: found });
}

function readCodeRequest(form: TokenForm, client: AskingClient): TokenRequestFinding {
  if (client === null) return malformed("client_id: expected");
  const verifier = given(form, "code_verifier");
  if (!isVerifier(verifier)) return malformed("code_verifier: expected 43 to 128 of [A-Za-z0-9._~-] (RFC 7636)");
  const redirectUri = given(form, "redirect_uri");
  const resources = resourcesIn(form);
  return asked({ grant: "authorization_code", code: given(form, "code"), verifier, redirectUri, client, resources });
}

/** At the endpoints for tokens and about them a public client names itself only. */
export function readAskingClient(
  authorization: string | null,
  form: TokenForm,
): { readonly kind: "read"; readonly client: AskingClient } | { readonly kind: "malformed"; readonly detail: string } {
  const id = form.get("client_id");
  if (authorization === null && id !== undefined && !form.has("client_secret")) {
    return { kind: "read", client: { client: id, secrets: null } };
  }
  const found: ClientCredentialFinding = readClientCredential(authorization, form);
  if (found.kind === "malformed") return found;
  return { kind: "read", client: found.kind === "missing" ? null : found };
}

function faultOf(form: TokenForm, grant: GrantType): string | null {
  for (const [name, value] of form) {
    if (value.length > longestField) return `${name}: expected at most ${longestField} characters`;
  }
  const missing = neededBy[grant].find((name) => !form.has(name));
  return missing === undefined ? null : `${missing}: expected with grant_type ${grant}`;
}

function isGrantType(text: string): text is GrantType {
  return Object.hasOwn(neededBy, text);
}

function resourcesIn(form: TokenForm): readonly string[] {
  return form.get("resource")?.split(" ") ?? [];
}

/** After `faultOf` has seen that it is there. */
function given(form: TokenForm, name: string): string {
  return form.get(name) ?? "";
}

function asked(request: TokenRequest): TokenRequestFinding {
  return { kind: "asked", request };
}

function malformed(detail: string): TokenRequestFinding {
  return { kind: "malformed", error: "invalid_request", detail };
}
