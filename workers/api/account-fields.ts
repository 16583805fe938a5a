/** What accounts, clients and API keys have in common in a body, with its bounds. */
import * as v from "valibot";
import { deepestClaim, isClaimsFit, mostTokenBytes } from "../account/account-bounds.ts";
import { accountNameOf, passwordOf } from "../account/names.ts";
import { isReservedClaim } from "../account/reserved-claims.ts";
import { resourceForm } from "../token/resources.ts";
import { ackedByRegions, instant, wholeNumberText } from "./fields.ts";

/** Of any list of names. */
const mostNames = 100;
const mostRedirects = 20;

export const putQuery = v.strictObject({
  ...ackedByRegions.entries,
  ifVersion: v.optional(wholeNumberText(0, 999_999_999_999_999)),
});
export const pageQuery = {
  limit: v.optional(wholeNumberText(1, 1_000), "100"),
  cursor: v.optional(v.string("expected a cursor")),
};

const nameExpected = "expected 1 to 128 bytes of text without control characters and without spaces at its ends";

/** In the one spelling that it is kept in. */
export const accountName = v.pipe(
  v.string(nameExpected),
  v.check((text) => accountNameOf(text) !== null, nameExpected),
  v.transform((text) => accountNameOf(text) ?? ""),
);

const passwordExpected = "expected 1 to 1024 bytes of text without control characters";

export const password = v.pipe(
  v.string(passwordExpected),
  v.check((text) => passwordOf(text) !== null, passwordExpected),
);

function names(pattern: RegExp, each: string, most = mostNames) {
  const expected = `expected a list of at most ${most}, each once: ${each}`;
  return v.pipe(
    v.array(v.pipe(v.string(expected), v.regex(pattern, expected)), expected),
    v.maxLength(most, expected),
    v.check((list) => new Set(list).size === list.length, expected),
  );
}

export const roles = names(/^[!-~](?:[ -~]{0,126}[!-~])?$/, "1 to 128 printable ASCII characters");
/** RFC 6749 section 3.3. */
export const scopes = names(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "scopes of 1 to 128 characters", 64);
export const resources = names(
  resourceForm,
  'a kind and a name, or the beginning of one with "*", such as "lock:inventory.*"',
);

const tenantExpected = "expected 1 to 128 printable ASCII characters";
export const tenant = v.nullable(
  v.pipe(v.string(tenantExpected), v.regex(/^[!-~](?:[ -~]{0,126}[!-~])?$/, tenantExpected)),
);

const claimsExpected = `expected an object of claims by names of 1 to 64 printable ASCII characters, none of them the mesh's own, nested at most ${deepestClaim} deep`;

export const claims = v.pipe(
  v.custom<Record<string, unknown>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    claimsExpected,
  ),
  v.check(
    (value) => Object.keys(value).every((name) => /^[!-~]{1,64}$/.test(name) && !isReservedClaim(name)),
    claimsExpected,
  ),
  v.check(isClaimsFit, claimsExpected),
);

export const truth = v.boolean("expected true or false");
export const expiresAt = v.nullable(instant);
export const tokenPartExpected = `expected roles, scopes, tenant and claims of at most ${mostTokenBytes} bytes together as JSON: they go into tokens`;

const redirectExpected =
  "expected an absolute URL without a fragment: https, http to this machine only, or a program's own scheme with a dot in it";

/** Compared letter by letter (RFC 9700 section 4.1.3), so they are kept as they are written. */
export const redirectUris = v.pipe(
  v.array(v.pipe(v.string(redirectExpected), v.check(isRedirect, redirectExpected)), "expected a list of URLs"),
  v.maxLength(mostRedirects, `expected at most ${mostRedirects}`),
  v.check((list) => new Set(list).size === list.length, "expected each once"),
);

/** RFC 6749 section 3.1.2; http by RFC 8252 section 7.3, own schemes by its section 7.1. */
function isRedirect(text: string): boolean {
  if (!/^[!-~]{1,2048}$/.test(text) || text.includes("#") || text.includes("*") || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password: secret } = new URL(text);
  if (username !== "" || secret !== "") return false;
  if (protocol === "https:") return true;
  if (protocol === "http:") return ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
  return /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:$/.test(protocol);
}
