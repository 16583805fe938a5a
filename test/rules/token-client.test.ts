/** The token endpoint's reading of who asks, and the built-in client. */
import { describe, expect, test } from "vitest";
import { adminScopes, isAdmin, scopesAskedFor } from "../../workers/token/admin-client.ts";
import { readClientCredential, readTokenForm, type TokenForm } from "../../workers/token/client-credential.ts";

const secret = "a+secret/of=at least 32 characters%";
const previous = "the secret from before, of 32 characters";
const env = { MESH_ADMIN_SECRET: secret, MESH_ADMIN_SECRET_PREVIOUS: previous };
const basic = (text: string) => `Basic ${btoa(text)}`;

function formOf(text: string): TokenForm {
  const finding = readTokenForm(text);
  if (finding.kind === "malformed") throw new Error(finding.detail);
  return finding.form;
}

async function admits(authorization: string | null, form = ""): Promise<boolean | string> {
  const finding = readClientCredential(authorization, formOf(form));
  return finding.kind === "given" ? isAdmin(finding, env) : finding.kind;
}

describe("the built-in client", () => {
  test.each([
    ["Basic, as it is", basic(`admin:${secret}`), "", true],
    ["Basic, form-encoded (RFC 6749 section 2.3.1)", basic(`admin:${encodeURIComponent(secret)}`), "", true],
    ["the scheme in capitals", basic(`admin:${secret}`).replace("Basic", "BASIC"), "", true],
    ["the previous secret", basic(`admin:${previous}`), "", true],
    ["the form", null, new URLSearchParams({ client_id: "admin", client_secret: secret }).toString(), true],
    ["another secret", basic("admin:nope"), "", false],
    ["an empty secret", basic("admin:"), "", false],
    ["the secret with a character more", basic(`admin:${secret}x`), "", false],
    ["another client with the secret", basic(`root:${secret}`), "", false],
    ["the client in capitals", basic(`ADMIN:${secret}`), "", false],
    ["nothing", null, "", "missing"],
    ["both ways at once", basic(`admin:${secret}`), "client_id=admin", "malformed"],
    ["a Bearer token", "Bearer x", "", "malformed"],
    ["Basic without a colon", basic("admin"), "", "malformed"],
    ["Basic that is no base64", "Basic %%%", "", "malformed"],
    ["Basic that is no UTF-8", `Basic ${btoa("\u00ff:")}`, "", "malformed"],
    ["two credentials", `${basic(`admin:${secret}`)}, ${basic("a:b")}`, "", "malformed"],
    ["an id without a secret", null, "client_id=admin", "malformed"],
    ["a secret without an id", null, "client_secret=x", "malformed"],
  ] as const)("%s: %#", async (_title, authorization, form, expected) => {
    expect(await admits(authorization, form)).toBe(expected);
  });

  test("a secret too short to be one opens nothing, an empty previous one neither", async () => {
    const credential = { client: "admin", secrets: ["short", ""] };
    expect(await isAdmin(credential, { MESH_ADMIN_SECRET: "short", MESH_ADMIN_SECRET_PREVIOUS: "" })).toBe(false);
  });
});

describe("the form", () => {
  test.each([
    ["a field twice", "grant_type=a&grant_type=a"],
    ["a field twice, once encoded", "grant_type=a&grant%5Ftype=a"],
    ["a field twice, once without a value", "grant_type=&grant_type=a"],
    ["a resource that is no URI (RFC 8707)", "resource=a%20b"],
    ["a broken escape", "grant_type=%zz"],
    ["bytes that are no UTF-8", "grant_type=%ff"],
    ["a broken escape in a field that is not known", "more=%zz"],
  ])("%s is malformed", (_title, text) => {
    expect(readTokenForm(text).kind).toBe("malformed");
  });

  test.each([
    ["fields that are not known, however often", "grant_type=a&scopes=x&audience=y&audience=z&__proto__=b"],
    ["fields without a value", "grant_type=a&scope=&code&client_id="],
    ["pairs without anything", "&grant_type=a&&=&=x"],
  ])("%s are left alone (RFC 6749 section 3.2)", (_title, text) => {
    expect([...formOf(text)]).toEqual([["grant_type", "a"]]);
  });

  test.each(["scope=a&scope=b", "scope=secret&%73cope=b"])("a repeated field is named: %s", (text) => {
    const detail = "scope: expected once: received more than once";
    expect(readTokenForm(text)).toEqual({ kind: "malformed", detail });
  });

  test("a refusal never repeats what was sent", () => {
    const finding = readTokenForm("my-secret=hunter2&my-secret=%zz");
    expect(finding.kind === "malformed" ? finding.detail : "").not.toMatch(/hunter2|my-secret/);
  });

  test("plus is a space, and an escape is what it stands for", () => {
    expect(formOf("scope=mesh%3Aread+mesh%3Alocks").get("scope")).toBe("mesh:read mesh:locks");
  });
});

describe("scopes", () => {
  test.each([
    [undefined, ["mesh:admin"]],
    ["mesh:read", ["mesh:read"]],
    ["mesh:read  mesh:locks mesh:read", ["mesh:read", "mesh:locks"]],
    ["", null],
    ["mesh:everything", null],
    ["mesh:read root", null],
  ])("asked for as %s", (asked, expected) => {
    expect(scopesAskedFor(asked)).toEqual(expected);
  });

  test("each of them may be asked for", () => {
    expect(scopesAskedFor(adminScopes.join(" "))).toEqual([...adminScopes]);
  });
});
