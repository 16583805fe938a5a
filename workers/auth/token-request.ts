/**
 * What is asked of the token endpoint (RFC 6749, RFC 7636): by Basic credentials alone, or by a form with a grant type.
 * Pure: every field that a grant needs is there and fits, none is there that it does not know.
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

export type TokenRequest =
  /** Basic credentials without a form: whose they are shows when they are looked up. */
  | { readonly grant: "basic"; readonly credential: ClientCredential; readonly scope: string | undefined }
  | {
      readonly grant: "password";
      readonly name: string;
      readonly password: string;
      readonly client: AskingClient;
      readonly scope: string | undefined;
    }
  | { readonly grant: "client_credentials"; readonly credential: ClientCredential; readonly scope: string | undefined }
  | {
      readonly grant: "refresh_token";
      readonly token: string;
      readonly client: AskingClient;
      readonly scope: string | undefined;
    }
  | {
      readonly grant: "authorization_code";
      readonly code: string;
      readonly verifier: string;
      readonly redirectUri: string;
      readonly client: NonNullable<AskingClient>;
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

const ofClient = ["grant_type", "client_id", "client_secret"] as const;
/** Beside the client's own, by grant. */
const fieldsOf = {
  password: ["username", "password", "scope"],
  client_credentials: ["scope"],
  refresh_token: ["refresh_token", "scope"],
  authorization_code: ["code", "code_verifier", "redirect_uri"],
} as const;

type GrantType = keyof typeof fieldsOf;
const longestField = 8_192;

export function readTokenRequest(authorization: string | null, form: TokenForm): TokenRequestFinding {
  const grant = form.get("grant_type");
  if (grant === undefined) return readWithoutGrant(authorization, form);
  if (!isGrantType(grant)) {
    const detail = `grant_type: expected one of ${Object.keys(fieldsOf).join(", ")}`;
    return { kind: "malformed", error: "unsupported_grant_type", detail };
  }
  const fault = faultOf(form, grant);
  if (fault !== null) return malformed(fault);
  const found = readAskingClient(authorization, form);
  if (found.kind === "malformed") return malformed(found.detail);
  const scope = form.get("scope");
  switch (grant) {
    case "client_credentials":
      if (found.client === null) return { kind: "missing" };
      if (found.client.secrets === null) return malformed("client_secret: expected beside client_id");
      return asked({ grant, credential: found.client, scope });
    case "password":
      return asked({
        grant,
        name: given(form, "username"),
        password: given(form, "password"),
        client: found.client,
        scope,
      });
    case "refresh_token":
      return asked({ grant, token: given(form, "refresh_token"), client: found.client, scope });
    case "authorization_code":
      return readCodeRequest(form, found.client);
  }
}

/** RESTHeart's way: Basic credentials, and nothing else. */
function readWithoutGrant(authorization: string | null, form: TokenForm): TokenRequestFinding {
  if (form.size > 0) return malformed("grant_type: expected in the form");
  const found = readClientCredential(authorization, form);
  if (found.kind === "malformed") return malformed(found.detail);
  return found.kind === "missing" ? found : asked({ grant: "basic", credential: found, scope: undefined });
}

function readCodeRequest(form: TokenForm, client: AskingClient): TokenRequestFinding {
  if (client === null) return malformed("client_id: expected");
  const verifier = given(form, "code_verifier");
  if (!isVerifier(verifier)) return malformed("code_verifier: expected 43 to 128 of [A-Za-z0-9._~-] (RFC 7636)");
  const redirectUri = given(form, "redirect_uri");
  return asked({ grant: "authorization_code", code: given(form, "code"), verifier, redirectUri, client });
}

/** At the endpoints for tokens and about them a public client names itself only. */
export function readAskingClient(
  authorization: string | null,
  form: TokenForm,
): { readonly kind: "read"; readonly client: AskingClient } | { readonly kind: "malformed"; readonly detail: string } {
  const id = form.get("client_id");
  if (authorization === null && id !== undefined && !form.has("client_secret")) {
    if (id === "") return { kind: "malformed", detail: "client_id: expected a text" };
    return { kind: "read", client: { client: id, secrets: null } };
  }
  const found: ClientCredentialFinding = readClientCredential(authorization, form);
  if (found.kind === "malformed") return found;
  return { kind: "read", client: found.kind === "missing" ? null : found };
}

function faultOf(form: TokenForm, grant: GrantType): string | null {
  const known = new Set<string>([...ofClient, ...fieldsOf[grant]]);
  for (const [name, value] of form) {
    if (!known.has(name)) return `${name}: expected no such field with grant_type ${grant}`;
    if (value.length > longestField) return `${name}: expected at most ${longestField} characters`;
  }
  const missing = fieldsOf[grant].find((name) => name !== "scope" && (form.get(name) ?? "") === "");
  return missing === undefined ? null : `${missing}: expected with grant_type ${grant}`;
}

function isGrantType(text: string): text is GrantType {
  return Object.hasOwn(fieldsOf, text);
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
