/**
 * Forms of the token endpoint that are each wrong in one thing, made of forms that are right. `$NAME` stands for what
 * the test has: $PASSWORD, $SECRET, $CODE, $VERIFIER, $REFRESH, $TOKEN.
 */
export interface MalformedAuthCall {
  readonly title: string;
  /** Below /_mesh/v1/auth, or a whole path. */
  readonly line: string;
  readonly fields?: readonly string[];
  readonly body?: string;
  readonly status: number;
  readonly code: string;
  /** RFC 6749 section 5.2; absent where no OAuth client comes. */
  readonly error?: string;
  /** What `detail` begins with. */
  readonly names?: string;
}

type Form = Readonly<Record<string, string>>;

export const redirectUri = "https://app.example.com/callback";
export const loopbackUri = "http://127.0.0.1:8000/callback";
export const formType = "Content-Type: application/x-www-form-urlencoded";

/** What is right: the test sends these, too. */
export const goodForms = {
  password: {
    grant_type: "password",
    username: "ada",
    password: "$PASSWORD",
    client_id: "app",
    scope: "read",
  },
  client_credentials: {
    grant_type: "client_credentials",
    client_id: "loom",
    client_secret: "$SECRET",
    scope: "read",
  },
  authorization_code: {
    grant_type: "authorization_code",
    code: "$CODE",
    code_verifier: "$VERIFIER",
    redirect_uri: redirectUri,
    client_id: "app",
  },
  refresh_token: { grant_type: "refresh_token", refresh_token: "$REFRESH", client_id: "app", scope: "read" },
} as const satisfies Record<string, Form>;

/** The values are fit for a form as they are. */
export function formText(form: Form): string {
  return Object.entries(form)
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

export const malformed = { status: 400, code: "malformed_request", error: "invalid_request" } as const;
const spent = { status: 400, code: "grant_invalid", error: "invalid_grant" } as const;
export const wrongClient = { status: 401, code: "token_invalid", error: "invalid_client" } as const;
const wrongAccount = { status: 401, code: "token_invalid", error: "invalid_grant" } as const;
const wrongScope = { ...malformed, error: "invalid_scope", names: "scope: " } as const;
export type Refusal = Pick<MalformedAuthCall, "status" | "code" | "error" | "names">;

export const tokenCall = (title: string, body: string, refusal: Refusal, fields = [formType]): MalformedAuthCall => ({
  title,
  line: "POST /token",
  fields,
  body,
  ...refusal,
});

/** What is not malformed when it is left out is another client's, or nobody's. */
const leftOut: Readonly<Record<string, Refusal | null>> = {
  "password scope": null,
  "password client_id": null,
  "client_credentials scope": null,
  "refresh_token scope": null,
  grant_type: { ...malformed, names: "grant_type: " },
};
function callsOfForm(grant: string, form: Form): readonly MalformedAuthCall[] {
  return Object.entries(form).flatMap(([name, value]) => {
    const usual: Refusal = { ...malformed, names: `${name}: ` };
    const { [name]: _left, ...rest } = form;
    const missing = `${grant} ${name}` in leftOut ? leftOut[`${grant} ${name}`] : (leftOut[name] ?? usual);
    const isGrant = name === "grant_type";
    const long = isGrant ? { ...usual, error: "unsupported_grant_type" } : usual;
    return [
      ...(missing === null || missing === undefined
        ? []
        : [
            tokenCall(`${grant} without ${name}`, formText(rest), missing),
            tokenCall(`${grant} with an empty ${name}`, formText({ ...form, [name]: "" }), missing),
          ]),
      tokenCall(`${grant} with ${name} twice`, `${formText(form)}&${name}=${value}`, usual),
      tokenCall(`${grant} with another ${name} before`, `${name}=x&${formText(form)}`, usual),
      tokenCall(`${grant} with a long ${name}`, formText({ ...form, [name]: "a".repeat(8_193) }), long),
      tokenCall(`${grant} with ${name} that is no UTF-8`, formText({ ...form, [name]: "%ff" }), {
        ...malformed,
        names: "body: ",
      }),
      tokenCall(`${grant} with ${name} in a broken escape`, formText({ ...form, [name]: "%4" }), {
        ...malformed,
        names: "body: ",
      }),
    ];
  });
}

const { password, client_credentials: credentials, authorization_code: ofCode, refresh_token: ofRefresh } = goodForms;
const injection = "%0d%0aSet-Cookie:%20stolen=1";

const values: readonly MalformedAuthCall[] = [
  tokenCall("a password that is wrong", formText({ ...password, password: "wrong" }), wrongAccount),
  tokenCall("a name with a line break", formText({ ...password, username: `ada${injection}` }), wrongAccount),
  tokenCall("a name with a zero byte", formText({ ...password, username: "ada%00" }), wrongAccount),
  tokenCall("a name with a space after", formText({ ...password, username: "ada%20" }), wrongAccount),
  tokenCall("a password with a zero byte", formText({ ...password, password: "$PASSWORD%00" }), wrongAccount),
  ...["mesh:admin", "read%20mesh:admin", `read${injection}`, "%22", "%5c", "a".repeat(129), "%00", "%20", "READ"].map(
    (scope) => tokenCall(`the scope ${scope}`, formText({ ...password, scope }), wrongScope),
  ),
  tokenCall("a client without its secret", formText({ ...password, client_id: "loom" }), wrongClient),
  tokenCall("a client that nobody is", formText({ ...password, client_id: "nobody" }), wrongClient),
  tokenCall("a client's name with a line break", formText({ ...password, client_id: `app${injection}` }), wrongClient),
  tokenCall(
    "an account as a client",
    formText({ ...credentials, client_id: "ada", client_secret: "$PASSWORD" }),
    wrongClient,
  ),
  tokenCall(
    "a public client as itself",
    formText({ ...credentials, client_id: "app", client_secret: "x" }),
    wrongClient,
  ),
  ...["x", "$CODEA", "$REFRESH", "$TOKEN", `$CODE${injection}`].map((code) =>
    tokenCall(`the code ${code}`, formText({ ...ofCode, code }), spent),
  ),
  ...["short", "a".repeat(129), `${"a".repeat(42)}%2b`, `${"a".repeat(42)}%00`].map((verifier) =>
    tokenCall(`the verifier ${verifier.slice(0, 60)}`, formText({ ...ofCode, code_verifier: verifier }), {
      ...malformed,
      names: "code_verifier: ",
    }),
  ),
  tokenCall("another verifier", formText({ ...ofCode, code_verifier: "b".repeat(43) }), spent),
  tokenCall("another redirect", formText({ ...ofCode, redirect_uri: `${redirectUri}/` }), spent),
  tokenCall("a code with another client", formText({ ...ofCode, client_id: "desk" }), spent),
  ...["x", "$REFRESHA", "$CODE", "$TOKEN", "slr_..", `$REFRESH${injection}`].map((refresh) =>
    tokenCall(`the refresh token ${refresh}`, formText({ ...ofRefresh, refresh_token: refresh }), spent),
  ),
  tokenCall("a refresh token with another client", formText({ ...ofRefresh, client_id: "desk" }), spent),
  tokenCall("a refresh token for more", formText({ ...ofRefresh, scope: "read write" }), wrongScope),
  tokenCall("a grant that is unknown", "grant_type=urn:x:y", { ...malformed, error: "unsupported_grant_type" }),
  tokenCall("a grant's name from a prototype", "grant_type=constructor", {
    ...malformed,
    error: "unsupported_grant_type",
  }),
  ...["service:nowhere", "https://api.example.com", "lock:", "service:echo&resource=depot:north"].map((resource) =>
    tokenCall(`the resource ${resource}`, formText({ ...password, resource }), {
      ...malformed,
      error: "invalid_target",
      names: "resource: ",
    }),
  ),
  tokenCall("a resource with a space", `${formText(password)}&resource=lock:a%20lock:b`, {
    ...malformed,
    names: "resource: ",
  }),
  tokenCall("a field of another grant twice", `${formText(password)}&code=x&code=y`, { ...malformed, names: "code: " }),
  tokenCall("a pair without a sign", "grant_type", { status: 401, code: "token_missing", error: "invalid_client" }),
  tokenCall("nothing", "", { status: 401, code: "token_missing", error: "invalid_client" }, []),
  tokenCall("only a client", "grant_type=client_credentials", {
    status: 401,
    code: "token_missing",
    error: "invalid_client",
  }),
  tokenCall("bytes that are no UTF-8", "grant_type=\xff", { ...malformed, names: "body: expected UTF-8" }),
  tokenCall("a body over 1 MiB", "a".repeat(1_048_577), {
    ...malformed,
    status: 413,
    code: "too_large",
    names: "body: ",
  }),
];

export const malformedForms: readonly MalformedAuthCall[] = [
  ...Object.entries(goodForms).flatMap(([grant, form]) => callsOfForm(grant, form)),
  ...values,
];
