/** What stands in for an example's service, and for which ones it does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isExample } from "../../local/demo/example-hosts.ts";
import { type Demo, startStandIn } from "../../local/demo/start-demo.ts";

let standIn: Demo;
beforeAll(async () => {
  standIn = await startStandIn();
});
afterAll(() => standIn.stop());

const logIn = (body: string) => fetch(`${standIn.url}/login`, { method: "POST", body });

describe("a service is an example", () => {
  it.each([
    "https://example.com",
    "https://api.example.org:8443",
    "http://shop.example",
    "https://a.test",
    "https://b.invalid.",
  ])("at %s", (origin) => expect(isExample({ origins: [origin] })).toBe(true));

  it.each([
    "https://example.dev",
    "https://myexample.com",
    "https://test.dev",
    "http://127.0.0.1:3000",
    "http://localhost",
  ])("not at %s", (origin) => expect(isExample({ origins: [origin] })).toBe(false));

  it("not when one of its origins is somewhere", () => {
    expect(isExample({ origins: ["https://a.example.com", "https://api.selvedge.dev"] })).toBe(false);
  });
});

describe("what stands in for one", () => {
  it("answers every path with what was asked and what the mesh has told, and nothing that it was not told", async () => {
    const headers = { "Mesh-Subject": "ada", Authorization: "Bearer not-for-print", Cookie: "a=b" };
    const answer = await fetch(`${standIn.url}/orders/1?x=y`, { method: "POST", headers, body: "any" });
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { asked: "POST /orders/1?x=y", told: { "mesh-subject": "ada" } },
    ]);
  });

  it("logs everybody in who types the password, and nobody else", async () => {
    const right = await logIn('{"username":"ada","password":"shuttle"}');
    expect(await right.json()).toEqual({ user: { login: "ada", roles: ["editor"] } });
    for (const body of ['{"username":"ada","password":"guess"}', '{"password":"shuttle"}', "null", "no JSON"])
      expect((await logIn(body)).status).toBe(401);
  });

  it("says what it has used, and goes on with its news", async () => {
    expect((await fetch(`${standIn.url}/complete`, { method: "POST" })).headers.get("x-tokens-used")).toBe("850");
    const { body } = await fetch(`${standIn.url}/news`);
    for await (const chunk of body ?? []) {
      expect(Buffer.from(chunk as Uint8Array).toString()).toBe("data: hello\n\n");
      break;
    }
  });
});
