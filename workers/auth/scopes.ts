/** Which scopes a token gets (RFC 6749 section 3.3): those that were asked for, if all of them may be given; else none. */

const scopePattern = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
const mostScopes = 64;

export type ScopesFinding =
  | { readonly kind: "granted"; readonly scopes: readonly string[] }
  | { readonly kind: "malformed" }
  /** One of them may not be given. */
  | { readonly kind: "refused" };

/** Nothing asked: everything that may be given. */
export function grantScopes(asked: string | undefined, allowed: readonly string[]): ScopesFinding {
  if (asked === undefined) return { kind: "granted", scopes: allowed };
  const names = [...new Set(asked.split(" ").filter((name) => name !== ""))];
  if (names.length === 0 || names.length > mostScopes || !names.every((name) => scopePattern.test(name))) {
    return { kind: "malformed" };
  }
  return names.every((name) => allowed.includes(name)) ? { kind: "granted", scopes: names } : { kind: "refused" };
}

/** What both an account and the client that it uses may. A client without scopes of its own adds no bound. */
export function commonScopes(account: readonly string[], client: readonly string[] | null): readonly string[] {
  return client === null || client.length === 0 ? account : account.filter((scope) => client.includes(scope));
}
