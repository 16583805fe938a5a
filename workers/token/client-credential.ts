/**
 * Who a client says it is at the token endpoint (RFC 6749 section 2.3): by Basic credentials or in the form, one of them
 * and once. Pure: nothing here knows a secret.
 */
export interface ClientCredential {
  readonly client: string;
  /** What the secret may have been: Basic credentials are sent as they are by some, form-encoded by others. */
  readonly secrets: readonly string[];
}

export type ClientCredentialFinding =
  | ({ readonly kind: "given" } & ClientCredential)
  | { readonly kind: "missing" }
  | { readonly kind: "malformed"; readonly detail: string };

/** What was given a value. The values of `resource`, which may come several times, are joined by spaces. */
export type TokenForm = ReadonlyMap<string, string>;

export type TokenFormFinding =
  | { readonly kind: "form"; readonly form: TokenForm }
  | { readonly kind: "malformed"; readonly detail: string };

/** What is read of a form at the auth paths: requests for tokens, and about them. */
const fields = [
  "grant_type",
  "client_id",
  "client_secret",
  "scope",
  "username",
  "password",
  "refresh_token",
  "code",
  "code_verifier",
  "redirect_uri",
  "resource",
  "token",
  "token_type_hint",
] as const;

/**
 * `application/x-www-form-urlencoded`, without a broken escape. RFC 6749 section 3.2: none of what is read comes twice,
 * what has no value was not sent, and what is not known is left alone.
 */
export function readTokenForm(text: string): TokenFormFinding {
  const form = new Map<string, string>();
  const seen = new Set<string>();
  for (const pair of text.split("&")) {
    const [, written = "", given = ""] = /^([^=]*)=?(.*)$/s.exec(pair) ?? [];
    const [name, value] = [decodeFormText(written), decodeFormText(given)];
    if (name === null || value === null) return malformed("body: expected name=value pairs, percent-encoded UTF-8");
    if (!isField(name)) continue;
    const isResource = name === "resource";
    if (isResource && /\s/.test(value)) return malformed("resource: expected a URI (RFC 8707)");
    if (seen.has(name) && !isResource) return malformed(`${name}: expected once: received more than once`);
    seen.add(name);
    const before = form.get(name);
    if (value !== "") form.set(name, before === undefined ? value : `${before} ${value}`);
  }
  return { kind: "form", form };
}

/** `authorization` is the whole field. */
export function readClientCredential(authorization: string | null, form: TokenForm): ClientCredentialFinding {
  const client = form.get("client_id");
  const secret = form.get("client_secret");
  if (authorization !== null) {
    if (client !== undefined || secret !== undefined) {
      return malformed("client_id: expected Basic credentials or the form's, not both (RFC 6749 section 2.3)");
    }
    return readBasic(authorization);
  }
  if (client === undefined && secret === undefined) return { kind: "missing" };
  if (client === undefined) return malformed("client_id: expected beside client_secret");
  if (secret === undefined) return malformed("client_secret: expected beside client_id");
  return { kind: "given", client, secrets: [secret] };
}

/** RFC 7617, in UTF-8. */
function readBasic(authorization: string): ClientCredentialFinding {
  const expected = malformed("Authorization: expected Basic credentials");
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (encoded === undefined) return expected;
  const text = decodeBase64Text(encoded);
  const colon = text?.indexOf(":") ?? -1;
  if (text === null || colon === -1) return expected;
  const [client, secret] = [text.slice(0, colon), text.slice(colon + 1)];
  const decoded = decodeFormText(secret);
  return { kind: "given", client, secrets: decoded === null || decoded === secret ? [secret] : [secret, decoded] };
}

function decodeBase64Text(encoded: string): string | null {
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not base64 or not UTF-8: malformed either way.
    return null;
  }
}

function decodeFormText(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // A broken escape.
    return null;
  }
}

function isField(name: string): boolean {
  return (fields as readonly string[]).includes(name);
}

function malformed(detail: string): { readonly kind: "malformed"; readonly detail: string } {
  return { kind: "malformed", detail };
}
