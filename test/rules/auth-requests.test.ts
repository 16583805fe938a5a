/** What the auth paths read, before anything is decided: forms, cookies, and what a browser asks. */
import { describe, expect, test } from "vitest";
import { readAuthorize, redirectWith } from "../../workers/auth/authorize-request.ts";
import { clearCookie, readCookie, setCookie, withoutCookie } from "../../workers/auth/cookie.ts";
import { grantScopes } from "../../workers/auth/scopes.ts";
import { readTokenRequest } from "../../workers/auth/token-request.ts";
import { readTokenForm } from "../../workers/token/client-credential.ts";
import { client, settings } from "./auth-world.ts";

const basic = (name: string, secret: string) => `Basic ${btoa(`${name}:${secret}`)}`;
const verifier = "v".repeat(43);

function read(form: string, authorization: string | null = null) {
  const finding = readTokenForm(form);
  return finding.kind === "malformed" ? finding : readTokenRequest(authorization, finding.form);
}

describe("a token request", () => {
  test.each([
    ["grant_type=password&username=a&password=b", "password"],
    ["grant_type=password&username=a&password=b&client_id=app&scope=read", "password"],
    ["grant_type=client_credentials&client_id=a&client_secret=b", "client_credentials"],
    ["grant_type=refresh_token&refresh_token=x", "refresh_token"],
    ["grant_type=password&username=a&password=b&refresh_token=c&audience=x&audience=y", "password"],
    ["&grant_type=refresh_token&refresh_token=x&scope=&client_id&client_secret=&", "refresh_token"],
    [
      `grant_type=authorization_code&code=c&code_verifier=${verifier}&redirect_uri=u&client_id=app`,
      "authorization_code",
    ],
  ])("%s", (form, grant) => {
    expect(read(form)).toMatchObject({ kind: "asked", request: { grant } });
  });

  test.each([
    ["", null, "missing"],
    ["grant_type=client_credentials", null, "missing"],
    ["grant_type", null, "missing"],
    ["audience=x", null, "missing"],
    ["audience=x", basic("a", "b"), "asked"],
    ["scope=read", basic("a", "b"), "malformed"],
    ["scope=&scope=read", basic("a", "b"), "malformed"],
    ["grant_type=refresh_token&refresh_token=x&audience=%zz", null, "malformed"],
    ["grant_type=refresh_token&refresh_token=x&resource=a%3Ab%20c%3Ad", null, "malformed"],
    ["grant_type=implicit", null, "malformed"],
    ["grant_type=", null, "missing"],
    ["grant_type=&username=a", null, "malformed"],
    ["grant_type=__proto__", null, "malformed"],
    ["grant_type=password&username=a", null, "malformed"],
    ["grant_type=password&password=a", null, "malformed"],
    ["grant_type=password&username=&password=b", null, "malformed"],
    ["grant_type=password&username=a&username=a&password=b", null, "malformed"],
    ["grant_type=password&username=a&password=%zz", null, "malformed"],
    ["grant_type=refresh_token", null, "malformed"],
    [`grant_type=refresh_token&refresh_token=${"x".repeat(8_193)}`, null, "malformed"],
    ["grant_type=authorization_code&code=c", null, "malformed"],
    [`grant_type=authorization_code&code=c&code_verifier=${verifier}&redirect_uri=u`, null, "malformed"],
    ["grant_type=authorization_code&code=c&code_verifier=short&redirect_uri=u&client_id=app", null, "malformed"],
    ["grant_type=client_credentials&client_id=a", null, "malformed"],
    ["grant_type=client_credentials&client_id=a&client_secret=b", basic("a", "b"), "malformed"],
  ])("%s with %s is %s", (form, authorization, kind) => {
    expect(read(form, authorization).kind).toBe(kind);
  });

  test("without a value nothing is asked: neither a scope nor a client", () => {
    const form = "grant_type=refresh_token&refresh_token=x&scope=&client_id=&resource=";
    const request = { token: "x", client: null, scope: undefined, resources: [] };
    expect(read(form)).toMatchObject({ kind: "asked", request });
  });

  test("only resources may be several (RFC 8707)", () => {
    const form = "grant_type=client_credentials&client_id=a&client_secret=b&resource=service:a&resource=lock%3Ab.*";
    expect(read(form)).toMatchObject({ kind: "asked", request: { resources: ["service:a", "lock:b.*"] } });
  });

  test("an unknown grant is told apart for clients", () => {
    expect(read("grant_type=implicit")).toMatchObject({ error: "unsupported_grant_type" });
  });
});

describe("scopes", () => {
  test.each([
    [undefined, ["a", "b"], { kind: "granted", scopes: ["a", "b"] }],
    ["b a b", ["a", "b"], { kind: "granted", scopes: ["b", "a"] }],
    ["c", ["a", "b"], { kind: "refused" }],
    ["", ["a"], { kind: "malformed" }],
    ['a"', ["a"], { kind: "malformed" }],
    [Array.from({ length: 65 }, (_, index) => `s${index}`).join(" "), ["a"], { kind: "malformed" }],
  ] as const)("%s of %j", (asked, allowed, expected) => {
    expect(grantScopes(asked, allowed)).toEqual(expected);
  });
});

describe("the token's cookie", () => {
  test("is bound to this host, to https and to this site", () => {
    expect(setCookie("__Host-mesh", "a.b.c", 900)).toBe(
      "__Host-mesh=a.b.c; Max-Age=900; Path=/; Secure; HttpOnly; SameSite=Strict",
    );
    expect(setCookie("rh_auth", "a.b.c", 900)).toContain("rh_auth=Bearer_a.b.c; ");
    expect(clearCookie("__Host-mesh")).toContain("__Host-mesh=; Max-Age=0; Path=/; Secure");
  });

  test.each([
    [null, "__Host-mesh", { kind: "none" }],
    ["a=1; b=2", "__Host-mesh", { kind: "none" }],
    ["x__Host-mesh=t", "__Host-mesh", { kind: "none" }],
    ["__host-mesh=t", "__Host-mesh", { kind: "none" }],
    ["a=1; __Host-mesh=t; b=2", "__Host-mesh", { kind: "token", token: "t" }],
    ["__Host-mesh=t=u", "__Host-mesh", { kind: "token", token: "t=u" }],
    [" \t__Host-mesh\t=\tt ;a=1", "__Host-mesh", { kind: "token", token: "t" }],
    ["__Host-mesh=t; __Host-mesh=u", "__Host-mesh", { kind: "doubled", tokens: ["t", "u"] }],
    ["__Host-mesh=t; __Host-mesh=t", "__Host-mesh", { kind: "token", token: "t" }],
    ["rh_auth=Bearer_t", "rh_auth", { kind: "token", token: "t" }],
    ["rh_auth=Bearer_t; rh_auth=x", "rh_auth", { kind: "token", token: "t" }],
    ["rh_auth=Bearer_t; rh_auth=Bearer_u", "rh_auth", { kind: "doubled", tokens: ["t", "u"] }],
    ["rh_auth=Basic_t", "rh_auth", { kind: "none" }],
  ] as const)("%s", (field, name, expected) => {
    expect(readCookie(field, name)).toEqual(expected);
  });

  test.each([
    "a=1, __Host-mesh=evil",
    ...["\u2000", "\u00a0", "\ufeff", "\u3000", "\u0085", "\f", "\v"].map((space) => `${space}__Host-mesh=evil`),
  ])("is not what a browser lets a neighbouring host set: %j", (tossed) => {
    expect(readCookie(tossed, "__Host-mesh")).toEqual({ kind: "none" });
    for (const field of [`${tossed}; __Host-mesh=own`, `__Host-mesh=own; ${tossed}`]) {
      expect(readCookie(field, "__Host-mesh")).toEqual({ kind: "token", token: "own" });
    }
  });

  test("stays behind also where it came in a field of its own, joined by a comma", () => {
    expect(withoutCookie("a=1, __Host-mesh=t; b=2", "__Host-mesh")).toBe("a=1; b=2");
    expect(withoutCookie("a=1, __Host-mesh=t, c=3; __Host-mesh=u, __Host-mesh=v", "__Host-mesh")).toBe("a=1, c=3");
    expect(withoutCookie("a=1, rh_auth=Bearer_t", "rh_auth")).toBe("a=1");
  });

  test("stays behind, and the others go on as they came", () => {
    expect(withoutCookie("a=1;  __Host-mesh=t;b= 2 ", "__Host-mesh")).toBe("a=1; b= 2");
    expect(withoutCookie("__Host-mesh=t", "__Host-mesh")).toBeNull();
    expect(withoutCookie("a; b=", "__Host-mesh")).toBe("a; b=");
  });
});

describe("an authorization request", () => {
  const app = client("app", {
    scopes: ["read"],
    redirectUris: ["https://app.example.com/cb", "http://127.0.0.1/cb", "com.example.app:/cb"],
    isPublic: true,
  });
  const challenge = "A".repeat(43);
  const good = {
    response_type: "code",
    client_id: "app",
    redirect_uri: "https://app.example.com/cb",
    state: "xyz",
    code_challenge: challenge,
    code_challenge_method: "S256",
  };
  const around = { settings, services: new Set(["inventory"]) };
  const ask = (changed: Readonly<Record<string, string>>, known: typeof app | null = app) =>
    readAuthorize(new URLSearchParams({ ...good, ...changed }), known, around);

  test("is read whole, and what RFC 6749 does not know is left alone", () => {
    const more = { prompt: "login", scope: "", resource: "service:inventory" };
    expect(ask(more)).toMatchObject({
      kind: "asked",
      request: {
        scope: undefined,
        resources: ["service:inventory"],
        redirectUri: good.redirect_uri,
        state: "xyz",
        codeChallenge: challenge,
      },
    });
  });

  test.each([
    "https://app.example.com/cb/",
    "https://app.example.com/cb?x=1",
    "https://app.example.com/cb#x",
    "https://APP.example.com/cb",
    "https://app.example.com:443/cb",
    "https://app.example.com.evil.example/cb",
    "https://app.example.com/cb/../other",
    "https://user@app.example.com/cb",
    "http://app.example.com/cb",
    "http://127.0.0.1:80@evil.example/cb",
    "http://127.0.0.1:99999999/cb",
    "http://localhost/cb",
    "http://127.0.0.1/other",
    "javascript:alert(1)",
    "",
  ])("goes nowhere for the redirect %s", (redirect_uri) => {
    expect(ask({ redirect_uri }).kind).toBe("malformed");
  });

  test.each(["http://127.0.0.1:51234/cb", "http://127.0.0.1/cb", "com.example.app:/cb"])("takes %s", (redirect_uri) => {
    expect(ask({ redirect_uri }).kind).toBe("asked");
  });

  test.each([
    [{ response_type: "token" }, "unsupported_response_type"],
    [{ response_type: "" }, "invalid_request"],
    [{ resource: "service:elsewhere" }, "invalid_target"],
    [{ resource: "https://api.example.com" }, "invalid_target"],
    [{ resource: "service:inventory service:inventory" }, "invalid_target"],
    [{ code_challenge: "" }, "invalid_request"],
    [{ code_challenge: "short" }, "invalid_request"],
    [{ code_challenge: `${"A".repeat(42)}B` }, "invalid_request"],
    [{ code_challenge_method: "plain" }, "invalid_request"],
    [{ scope: "write" }, "invalid_scope"],
    [{ state: "x".repeat(1_025) }, "invalid_request"],
    [{ state: "a\r\nSet-Cookie: b" }, "invalid_request"],
  ])("with %j the client is told %s", (changed, error) => {
    expect(ask(changed)).toMatchObject({ kind: "told", error });
  });

  test("of an unknown client, or with a parameter twice, stays here", () => {
    expect(ask({}, null).kind).toBe("malformed");
    const twice = new URLSearchParams(good);
    twice.append("redirect_uri", "https://evil.example/");
    expect(readAuthorize(twice, app, around).kind).toBe("malformed");
  });

  test("an answer keeps the redirect's own query, and says whose it is (RFC 9207)", () => {
    const answer = { code: "c&d", state: null };
    expect(redirectWith("https://app.example.com/cb?tenant=a", "https://mesh.example.com", answer)).toBe(
      "https://app.example.com/cb?tenant=a&code=c%26d&iss=https%3A%2F%2Fmesh.example.com",
    );
  });
});
