/** Calls of the auth paths that are each wrong in one thing: in what they come with, where they come from, what they ask. */
import {
  formText,
  formType,
  goodForms,
  malformed,
  malformedForms,
  tokenCall,
  wrongClient,
  type MalformedAuthCall,
  type Refusal,
} from "./malformed-forms.ts";

const { password, client_credentials: credentials } = goodForms;

const contentTypes = [
  [],
  ["Content-Type: application/json"],
  ["Content-Type: multipart/form-data; boundary=x"],
  ["Content-Type: text/plain"],
  ["Content-Type: application/x-www-form-urlencoded, application/json"],
].map((fields) =>
  tokenCall(
    `a form as ${fields[0] ?? "nothing"}`,
    formText(password),
    { ...malformed, names: "Content-Type: " },
    fields,
  ),
);

const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString("base64")}`;
const bearer = "Authorization: Bearer $TOKEN";
const twoTokens = { status: 400, code: "malformed_token", error: "invalid_token", names: "Authorization: " } as const;
const noToken = { status: 401, code: "token_invalid", error: "invalid_token" } as const;
const twoLogins = { ...malformed, names: "Authorization: " } as const;

const credentialsTwice: readonly MalformedAuthCall[] = [
  { title: "two tokens", line: "GET /token", fields: [bearer, bearer], ...twoTokens },
  { title: "two tokens in one field", line: "GET /token", fields: [`${bearer}, Bearer x`], ...twoTokens },
  { title: "a login and a token", line: "GET /token", fields: [basic("ada:x"), bearer], ...twoTokens },
  { title: "two logins", line: "POST /token", fields: [basic("ada:x"), basic("ada:y")], ...twoLogins },
  { title: "a login that is no base64", line: "POST /token", fields: ["Authorization: Basic %%%"], ...twoLogins },
  { title: "a login without a colon", line: "POST /token", fields: [basic("ada")], ...twoLogins },
  {
    title: "a login that is no UTF-8",
    line: "POST /token",
    fields: [`Authorization: Basic ${Buffer.from("ada:\xff", "latin1").toString("base64")}`],
    ...twoLogins,
  },
  { title: "another scheme", line: "POST /token", fields: ["Authorization: Digest x"], ...twoLogins },
  tokenCall("a token and a form", formText(password), { ...malformed, names: "client_id: " }, [formType, bearer]),
  tokenCall("a login and a form's client", formText(credentials), { ...malformed, names: "client_id: " }, [
    formType,
    basic("loom:x"),
  ]),
  {
    title: "the cookie twice",
    line: "GET /token",
    fields: ["Cookie: __Host-mesh=$TOKEN; __Host-mesh=x"],
    ...twoTokens,
    names: "Cookie: ",
  },
  {
    title: "the cookie in two fields",
    line: "GET /token",
    fields: ["Cookie: __Host-mesh=$TOKEN", "Cookie: __Host-mesh=x"],
    ...noToken,
  },
  {
    title: "the cookie in a second field, which may be the end of another cookie's value",
    line: "GET /token",
    fields: ["Cookie: a=1", "Cookie: __Host-mesh=$TOKEN"],
    status: 401,
    code: "token_missing",
    error: "invalid_client",
  },
];

const foreign = { status: 403, code: "forbidden", error: "access_denied", names: "Origin: " } as const;
const origins = ["https://elsewhere.example", "null", "http://any.example:81", "http://any.example.evil.example", ""];

/** The cookie comes along whoever asks. */
const foreignOrigins: readonly MalformedAuthCall[] = [
  "POST /token",
  "DELETE /token",
  "DELETE /tokens/ada",
  "POST /token/cookie",
  "POST /logout",
  "POST /authorize?$AUTHORIZE",
].flatMap((line) =>
  [[], ...origins.map((origin) => [`Origin: ${origin}`])].map((fields) => ({
    title: `${line.replace(/\?.*/, "")} with a cookie and ${fields[0] ?? "no Origin"}`,
    line,
    fields: ["Cookie: __Host-mesh=$TOKEN", ...fields],
    ...foreign,
  })),
);

const rest: readonly MalformedAuthCall[] = [
  {
    title: "a GET with a body",
    line: "GET /token",
    body: formText(password),
    fields: [formType],
    ...malformed,
    names: "body: ",
  },
  {
    title: "a renewal of a cookie into a body",
    line: "GET /token?renew",
    fields: ["Cookie: __Host-mesh=$TOKEN"],
    ...malformed,
    names: "renew: ",
  },
  {
    title: "a query that is unknown",
    line: "POST /token?ttl=1",
    fields: [basic("ada:x")],
    ...malformed,
    names: "ttl: ",
  },
  { title: "a query twice", line: "GET /token?renew&renew", fields: [bearer], ...malformed, names: "query renew: " },
  { title: "an ack that is none", line: "DELETE /token?ack=all", fields: [bearer], ...malformed, names: "ack: " },
  {
    title: "a redirect that is asked for",
    line: "GET /token/redirect?redirect-url=https://x.example/",
    fields: [bearer],
    ...malformed,
    names: "redirect-url: ",
  },
  { title: "others' tokens", line: "GET /tokens/bob", fields: [bearer], ...foreign, names: "expected the own name" },
  {
    title: "others' tokens to be ended",
    line: "DELETE /tokens/bob",
    fields: [bearer],
    ...foreign,
    names: "expected the own name",
  },
  {
    title: "a name with a slash",
    line: "GET /tokens/a%2Fb",
    fields: [bearer],
    status: 400,
    code: "malformed_request",
    names: "path: ",
  },
  {
    title: "a name with a backslash",
    line: "GET /tokens/a%5Cb",
    fields: [bearer],
    status: 400,
    code: "malformed_request",
    names: "path: ",
  },
  {
    title: "a name that is two dots",
    line: "GET /tokens/%2e%2e",
    fields: [bearer],
    status: 400,
    code: "malformed_request",
    names: "path: ",
  },
  {
    title: "a name with a zero byte",
    line: "GET /tokens/ada%00",
    fields: [bearer],
    status: 400,
    code: "malformed_request",
    names: "path: ",
  },
  {
    title: "a name that is no UTF-8",
    line: "GET /tokens/%ff",
    fields: [bearer],
    status: 403,
    code: "forbidden",
    error: "access_denied",
  },
  { title: "no name", line: "GET /tokens/", fields: [bearer], status: 404, code: "not_found" },
  { title: "a method that is none", line: "PATCH /token", fields: [bearer], status: 405, code: "method_not_allowed" },
  {
    title: "a token that is none",
    line: "GET /token",
    fields: ["Authorization: Bearer x"],
    status: 401,
    code: "token_invalid",
    error: "invalid_token",
  },
  {
    title: "a refresh token as a token",
    line: "GET /token",
    fields: ["Authorization: Bearer $REFRESH"],
    status: 401,
    code: "token_invalid",
    error: "invalid_token",
  },
];

const about = ["POST /introspect", "POST /revoke"].flatMap((line): readonly MalformedAuthCall[] => {
  const call = (title: string, body: string, refusal: Refusal, fields = [formType, basic("loom:$SECRET")]) => ({
    title: `${line} ${title}`,
    line,
    fields,
    body,
    ...refusal,
  });
  return [
    call("without a token", "token_type_hint=access_token", { ...malformed, names: "token: " }),
    call("with an empty token", "token=", { ...malformed, names: "token: " }),
    call("with two tokens", "token=x&token=$TOKEN", { ...malformed, names: "token: " }),
    call("of nobody", "token=$TOKEN", wrongClient, [formType]),
    call("of a wrong secret", "token=$TOKEN", wrongClient, [formType, basic("loom:wrong")]),
    call("of a client without its secret", "token=$TOKEN&client_id=loom", wrongClient, [formType]),
    call("of an account", "token=$TOKEN", wrongClient, [formType, basic("ada:$PASSWORD")]),
    call("of a token without the scope", "token=$TOKEN", { status: 403, code: "forbidden", error: "access_denied" }, [
      formType,
      bearer,
    ]),
    call("as JSON", '{"token":"x"}', { ...malformed, names: "Content-Type: " }, [
      "Content-Type: application/json",
      basic("loom:$SECRET"),
    ]),
  ];
});

export const malformedAuthCalls: readonly MalformedAuthCall[] = [
  ...malformedForms,
  ...contentTypes,
  ...credentialsTwice,
  ...foreignOrigins,
  ...rest,
  ...about,
];
