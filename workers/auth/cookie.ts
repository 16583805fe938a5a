/**
 * The token as a cookie (RFC 6265bis): for browsers, whose scripts then cannot read it. `__Host-` binds the cookie to
 * this host, to https and to the whole site; `rh_auth` is what RESTHeart's clients know.
 */
export type CookieName = "__Host-mesh" | "rh_auth";

export type CookieFinding =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: string }
  /** Two of one name: a neighbouring host may have set one of them, and nobody can say which. */
  | { readonly kind: "doubled" };

const none: CookieFinding = { kind: "none" };
const legacyPrefix = "Bearer_";

/** `field` is the whole Cookie field. A cookie that holds no token of ours is none. */
export function readCookie(field: string | null, name: CookieName): CookieFinding {
  if (field === null || !field.includes(name)) return none;
  const values = pairsOf(field, name).flatMap(([named, value]) => (named === name ? [value] : []));
  const [value, ...more] = values;
  if (value === undefined) return none;
  if (more.length > 0) return { kind: "doubled" };
  if (name === "__Host-mesh") return { kind: "token", token: value };
  return value.startsWith(legacyPrefix) ? { kind: "token", token: value.slice(legacyPrefix.length) } : none;
}

/** What is left of the field for the upstream; null when nothing is. */
export function withoutCookie(field: string, name: CookieName): string | null {
  const rest = pairsOf(field, name).filter(([named]) => named !== name);
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

/** A field that came twice arrives joined by a comma, which a token has not. */
function pairsOf(field: string, own: CookieName): readonly (readonly [name: string, value: string, pair: string])[] {
  return field
    .replaceAll(`, ${own}=`, `; ${own}=`)
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      return at === -1
        ? (["", pair, pair] as const)
        : ([pair.slice(0, at).trim(), pair.slice(at + 1).trim(), pair] as const);
    });
}
