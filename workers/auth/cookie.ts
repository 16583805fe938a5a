/**
 * The token as a cookie (RFC 6265bis): for browsers, whose scripts then cannot read it. `__Host-` binds the cookie to
 * this host, to https and to the whole site; `rh_auth` is what RESTHeart's clients know.
 */
export type CookieName = "__Host-mesh" | "rh_auth";

export type CookieFinding =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: string }
  /** Several of one name: a neighbouring host may have set one of them, and nobody can say which. */
  | { readonly kind: "doubled"; readonly tokens: readonly string[] };

const none: CookieFinding = { kind: "none" };
const legacyPrefix = "Bearer_";

/** `field` is the whole Cookie field. A cookie that holds no token of ours is none. */
export function readCookie(field: string | null, name: CookieName): CookieFinding {
  if (field === null || !field.includes(name)) return none;
  const prefix = valueOf(name, "");
  const ours = pairsOf(field).filter(([named, value]) => named === name && value.startsWith(prefix));
  const tokens = [...new Set(ours.map(([, value]) => value.slice(prefix.length)))];
  const [token] = tokens;
  if (token === undefined) return none;
  return tokens.length > 1 ? { kind: "doubled", tokens } : { kind: "token", token };
}

/**
 * What is left of the field for the upstream; null when nothing is. Fields sent twice arrive joined by a comma. Behind
 * one our cookie is taken away, but never read: a neighbouring host may have set a cookie whose value holds it all.
 */
export function withoutCookie(field: string, name: CookieName): string | null {
  if (!field.includes(name)) return field;
  const rest = pairsOf(field.replaceAll(new RegExp(`, ${name}=[^;,]*`, "g"), "")).filter(([named]) => named !== name);
  return rest.length === 0 ? null : rest.map(([, , pair]) => pair).join("; ");
}

export function setCookie(name: CookieName, token: string, ttlSeconds: number): string {
  return `${name}=${valueOf(name, token)}; Max-Age=${ttlSeconds}; ${attributes}`;
}

/** RFC 6265bis section 5.6: of a name and a value together, bytes. A token is ASCII. */
export const longestCookie = 4_096;

export function fitsCookie(name: CookieName, token: string): boolean {
  return name.length + valueOf(name, token).length <= longestCookie;
}

export function clearCookie(name: CookieName): string {
  return `${name}=; Max-Age=0; ${attributes}`;
}

function valueOf(name: CookieName, token: string): string {
  return name === "rh_auth" ? legacyPrefix + token : token;
}

const attributes = "Path=/; Secure; HttpOnly; SameSite=Strict";

function pairsOf(field: string): readonly (readonly [name: string, value: string, pair: string])[] {
  return field
    .split(";")
    .map(trimmed)
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      return at === -1
        ? (["", pair, pair] as const)
        : ([trimmed(pair.slice(0, at)), trimmed(pair.slice(at + 1)), pair] as const);
    });
}

/**
 * Of spaces and tabs, as browsers do it (RFC 6265bis section 5.6). Any other space makes another name of it, which a
 * neighbouring host may set: to a browser that is no `__Host-` cookie.
 */
function trimmed(text: string): string {
  let begin = 0;
  let end = text.length;
  while (isSpace(text[begin])) begin += 1;
  while (end > begin && isSpace(text[end - 1])) end -= 1;
  return text.slice(begin, end);
}

function isSpace(character: string | undefined): boolean {
  return character === " " || character === "\t";
}
