/** Calls of the auth paths put together at random of what such calls are made of, some of it broken. */
import fc from "fast-check";

const pieces = fc.constantFrom(
  "ada",
  "app",
  "$CODE",
  "$REFRESH",
  "$TOKEN",
  "%00",
  "%ff",
  "%",
  "",
  "=",
  "x".repeat(300),
  "\xff",
);
const field = fc.tuple(
  fc.constantFrom("Authorization: ", "Cookie: ", "Origin: ", "Content-Type: ", "Accept: ", "X-API-Key: "),
  fc.constantFrom(
    "Basic ",
    "Bearer ",
    "__Host-mesh=",
    "application/x-www-form-urlencoded",
    "application/json",
    "slv_",
    "",
  ),
  fc.constantFrom("$TOKEN", "YWRhOng=", "", "a b", "\xe9", ",", ";;", "x".repeat(9_000)),
);
const paths = [
  "/token",
  "/token/cookie",
  "/token/redirect",
  "/tokens/ada",
  "/logout",
  "/authorize",
  "/introspect",
  "/revoke",
];
export const randomAuthCall = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS"),
  path: fc.constantFrom(...paths),
  query: fc.oneof(
    fc.constant(""),
    fc.constant("?$AUTHORIZE"),
    pieces.filter((piece) => piece !== "\xff").map((piece) => `?renew=${piece}`),
  ),
  fields: fc.array(
    field.map((parts) => parts.join("")),
    { maxLength: 3 },
  ),
  body: fc.array(fc.tuple(fc.constantFrom("grant_type", "username", "password", "token", "code", "x"), pieces), {
    maxLength: 4,
  }),
});
