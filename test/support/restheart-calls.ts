/**
 * RESTHeart's contract of tokens, call by call: what RESTHeart does (versions 8 and 9, from its sources), what the mesh
 * does, and where that differs on purpose. docs/conformance.md shows the same rows.
 */

export interface RestheartCall {
  /** For `sendCurl`. $TOKEN is ada's, new for each row; $SECRET is the client's. */
  readonly curl: string;
  readonly restheart: string;
  /** Where the mesh differs: how and why. */
  readonly differs?: string;
  readonly status: number;
  /** Of the answer; null for a field that must not be there. */
  readonly fields?: Readonly<Record<string, string | RegExp | null>>;
  /** What the body must have among its members; null for an empty body. */
  readonly body?: Readonly<Record<string, unknown>> | null;
  /** Which members the body must not have. */
  readonly without?: readonly string[];
  /** What holds on all the mesh's ports within a view lease, or with `ack=everywhere` at once: calls with their status. */
  readonly after?: readonly (readonly [curl: string, status: number])[];
  /** The same call so many times before, each with another answer. */
  readonly repeated?: { readonly times: number; readonly status: number };
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const jwt = /^[\w-]+\.[\w-]+\.[\w-]{86}$/;
const noStore = { "cache-control": "no-store", pragma: "no-cache" } as const;
const tokenFields = {
  ...noStore,
  "auth-token": jwt,
  "auth-token-valid-until": instant,
  "auth-token-location": "/token",
  "access-control-expose-headers": "Auth-Token, Auth-Token-Valid-Until, Auth-Token-Location",
} as const;
const ada = { token_type: "Bearer", username: "ada", roles: ["editor"] } as const;
const challenge = { "www-authenticate": 'Basic realm="mesh", charset="UTF-8"' } as const;
const silent = { "www-authenticate": 'Bearer realm="mesh"' } as const;
const bearer = "-H 'Authorization: Bearer $TOKEN'";
const echo = `${bearer} /echo`;
const cookie = "-b __Host-mesh=$TOKEN";

export const restheartCalls: readonly RestheartCall[] = [
  {
    curl: "-X POST -u ada:shuttle /token",
    restheart: "200 with the token in the body and in `Auth-Token`, its end and its place in headers, `no-store`",
    differs:
      "more members: `scope`, and `refresh_token` where configured; signed ES256, so that services need no secret",
    status: 200,
    fields: tokenFields,
    body: { ...ada, expires_in: 900, scope: "read write" },
  },
  {
    curl: "-d grant_type=password -d username=ada -d password=shuttle /token",
    restheart: "the same by a form",
    status: 200,
    fields: tokenFields,
    body: { ...ada, expires_in: 900 },
  },
  {
    curl: "-d grant_type=client_credentials -d client_id=loom -d client_secret=$SECRET /token",
    restheart: "the same, where id and secret are an account's name and password",
    differs: "they are a client's: programs have no passwords, and no `username`",
    status: 200,
    fields: tokenFields,
    body: { token_type: "Bearer", roles: [], scope: "read" },
    without: ["username", "refresh_token"],
  },
  {
    curl: "-X POST /token",
    restheart: "401 with a Basic challenge",
    status: 401,
    fields: challenge,
    body: { code: "token_missing", error: "invalid_client" },
  },
  {
    curl: "-X POST -H 'No-Auth-Challenge: true' /token",
    restheart: "401 without a challenge, so that browsers show no window of their own",
    differs: "with a Bearer challenge: RFC 9110 wants one with every 401, and at this one browsers show nothing",
    status: 401,
    fields: silent,
  },
  {
    curl: "-u ada:wrong /token?noauthchallenge",
    restheart: "the same by the query",
    differs: "as above",
    status: 401,
    fields: silent,
  },
  {
    curl: "-X POST -u ada:wrong /token",
    restheart: "401 with a Basic challenge",
    status: 401,
    fields: { ...challenge, "auth-token": null },
    body: { code: "token_invalid", error: "invalid_grant" },
  },
  {
    curl: "-d grant_type=password -d username=nobody -d password=shuttle /token",
    restheart: "401",
    status: 401,
    body: { code: "token_invalid", error: "invalid_grant" },
  },
  {
    curl: "-X POST -u eve:wrong -H 'CF-Connecting-IP: 192.0.2.99' /token",
    restheart: "429 by one node's own count, where the guard is on; no `Retry-After`",
    differs: "one count for the whole mesh, always on, by name and address; with `Retry-After`",
    repeated: { times: 5, status: 401 },
    status: 429,
    fields: { "retry-after": /^\d+$/ },
    body: { code: "too_many_logins" },
    after: [["-X POST -u eve:wrong -H 'CF-Connecting-IP: 192.0.2.99' /token", 429]],
  },
  {
    curl: "-X POST -u ada:$TOKEN /token",
    restheart: "200: a token passes for a password",
    differs: "401: a token is presented as Bearer and nowhere else, so nothing logs it as a password",
    status: 401,
  },
  {
    curl: `${bearer} /token`,
    restheart: "200 with the current token, as from POST",
    differs: "with its facts beside it: `issuer`, `subject`, `client`, `tenant`, `id`, `issuedAt`, `expiresAt`",
    status: 200,
    fields: tokenFields,
    body: { ...ada, subject: "ada", tenant: null },
    without: ["refresh_token"],
  },
  {
    curl: "-u ada:shuttle /token",
    restheart: "200 with the user's one token on this node",
    differs: "a token for each login, so that one can be ended without the others",
    status: 200,
    fields: tokenFields,
    body: ada,
  },
  {
    curl: `${cookie} /token`,
    restheart: "200 with the token, which the page's scripts can then read",
    differs: "200 with its facts and without the token: the cookie is `HttpOnly` for a reason",
    status: 200,
    fields: { ...tokenFields, "auth-token": null },
    body: { ...ada, subject: "ada" },
    without: ["access_token"],
  },
  {
    curl: `${bearer} /token?renew`,
    restheart: "200 with a new token; roles are copied from the old one, the account is not read",
    differs: "the account is read again: who is gone, disabled or demoted does not renew what they had",
    status: 200,
    fields: tokenFields,
    body: ada,
  },
  {
    curl: `-X POST ${bearer} /token?renew=true`,
    restheart: "the same",
    differs: "as above",
    status: 200,
    fields: tokenFields,
    body: ada,
  },
  {
    curl: `-X DELETE ${bearer} /token`,
    restheart: "204, and the token is good until its end, on every node",
    differs:
      "204, and it is dead in the whole mesh within a view lease (1 s unless configured), with all that came of the same login",
    status: 204,
    body: null,
    after: [[echo, 401]],
  },
  {
    curl: `-X DELETE ${bearer} /token?ack=everywhere`,
    restheart: "204, and the query is not read",
    differs: "204 when no edge takes it any more",
    status: 204,
    body: null,
    after: [[echo, 401]],
  },
  {
    curl: "-X DELETE -u ada:shuttle /token",
    restheart: "204",
    differs: "401: which token to end is said by presenting it; `DELETE /tokens/ada` ends all",
    status: 401,
  },
  {
    curl: `${bearer} /tokens/ada`,
    restheart: "200 `{auth_token, auth_token_valid_until}` (version 8)",
    status: 200,
    fields: tokenFields,
    body: { auth_token: jwt, auth_token_valid_until: instant, username: "ada" },
  },
  {
    curl: "-u ada:shuttle /tokens/ada",
    restheart: "the same",
    status: 200,
    fields: tokenFields,
    body: { auth_token: jwt, auth_token_valid_until: instant },
  },
  { curl: `${bearer} /tokens/bob`, restheart: "403", status: 403, body: { code: "forbidden" } },
  { curl: `${bearer} /tokens/nobody`, restheart: "403", status: 403, body: { code: "forbidden" } },
  { curl: "/tokens/ada", restheart: "401", status: 401, fields: challenge },
  { curl: `-X DELETE ${bearer} /tokens/bob`, restheart: "403", status: 403, after: [[echo, 200]] },
  {
    curl: `-X DELETE ${bearer} /tokens/ada`,
    restheart: "204, and the tokens are good until their end",
    differs:
      "204, and all tokens of the user are dead in the whole mesh within a view lease; a new login is good, and takes up to three seconds once",
    status: 204,
    body: null,
    after: [
      [echo, 401],
      ["-X POST -u ada:shuttle /token", 200],
    ],
  },
  {
    curl: "-X POST -u ada:shuttle /token/cookie",
    restheart: "200 `{authenticated, username, roles}` without the token, and the cookie `rh_auth`",
    differs: "the cookie is `__Host-mesh`, which no neighbouring host can set; `rh_auth` by option",
    status: 200,
    fields: {
      "cache-control": "no-store",
      "auth-token": null,
      "set-cookie":
        /^__Host-mesh=[\w-]+\.[\w-]+\.[\w-]+; Max-Age=(?:900|89\d); Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    },
    body: { authenticated: true, username: "ada", roles: ["editor"] },
    without: ["access_token", "auth_token", "refresh_token"],
    after: [[`${cookie} /echo`, 200]],
  },
  {
    curl: "-X POST -u ada:shuttle -H 'Origin: https://elsewhere.example' /token/cookie",
    restheart: "200",
    differs: "403: another site's page must not log its reader in as somebody else",
    status: 403,
    fields: { "set-cookie": null },
  },
  { curl: "-u ada:shuttle /token/cookie", restheart: "405", status: 405, fields: { allow: "POST" } },
  { curl: "-X DELETE -u ada:shuttle /token/cookie", restheart: "405", status: 405, fields: { allow: "POST" } },
  {
    curl: `-X POST ${cookie} -H 'Origin: http://any.example' /logout`,
    restheart: "clears the cookie; the token in it lives on",
    differs: "204, clears the cookie and ends the token, in the whole mesh within a view lease",
    status: 204,
    fields: { "set-cookie": "__Host-mesh=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict" },
    body: null,
    after: [
      [echo, 401],
      [`${cookie} /echo`, 401],
    ],
  },
  {
    curl: `-X POST ${cookie} -H 'Origin: https://elsewhere.example' /logout`,
    restheart: "clears the cookie",
    differs: "403: with a cookie, what changes something must come from this site",
    status: 403,
    fields: { "set-cookie": null },
    after: [[echo, 200]],
  },
  {
    curl: `-X POST ${bearer} /logout`,
    restheart: "clears the cookie",
    differs: "204, and ends the token",
    status: 204,
    fields: { "set-cookie": /^__Host-mesh=; Max-Age=0;/ },
    after: [[echo, 401]],
  },
  {
    curl: "-X POST /logout",
    restheart: "clears the cookie",
    status: 204,
    fields: { "set-cookie": /^__Host-mesh=; Max-Age=0;/ },
  },
  {
    curl: "-u ada:shuttle /token/redirect",
    restheart: "307 to the configured page, the token in the fragment",
    status: 307,
    fields: {
      location:
        /^https:\/\/app\.example\.com\/after-login#access_token=[\w-]+\.[\w-]+\.[\w-]+&token_type=Bearer&expires_in=\d+$/,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
    },
    body: null,
  },
  {
    curl: "-u ada:shuttle /token/redirect?redirect-url=https://elsewhere.example/",
    restheart: "307 to the configured page: an address in the request is not read",
    differs: "400: what is not read is refused, so that nobody takes it for read",
    status: 400,
    fields: { location: null },
  },
  { curl: "-X PUT -u ada:shuttle /token", restheart: "405", status: 405, fields: { allow: "DELETE, GET, HEAD, POST" } },
];

/** With `cookie: "rh_auth"`, without `redirectUrl` and `refresh`. */
export const restheartCookieCalls: readonly RestheartCall[] = [
  {
    curl: "-X POST -u ada:shuttle /token/cookie?renew",
    restheart: "the cookie `rh_auth` with the value `Bearer_TOKEN`",
    status: 200,
    fields: {
      "set-cookie":
        /^rh_auth=Bearer_[\w-]+\.[\w-]+\.[\w-]+; Max-Age=(?:900|89\d); Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    },
    body: { authenticated: true, username: "ada", roles: ["editor"] },
  },
  { curl: "-b rh_auth=Bearer_$TOKEN /echo", restheart: "200: the cookie stands in for `Authorization`", status: 200 },
  {
    curl: "-X POST -b rh_auth=Bearer_$TOKEN -H 'Origin: http://any.example' /logout",
    restheart: "clears the cookie",
    differs: "204, and ends the token",
    status: 204,
    fields: { "set-cookie": "rh_auth=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict" },
    after: [["-b rh_auth=Bearer_$TOKEN /echo", 401]],
  },
  {
    curl: "-u ada:shuttle /token/redirect",
    restheart: "400 where no page is configured",
    differs: "404: there is no such path then",
    status: 404,
    body: { code: "not_found" },
  },
  {
    curl: "-X POST -u ada:shuttle /token",
    restheart: "no refresh token",
    status: 200,
    body: ada,
    without: ["refresh_token"],
  },
];
