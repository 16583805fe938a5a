import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { startMesh } from "../support/mesh.ts";

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

let mesh: LocalMesh;
beforeAll(async () => {
  mesh = await startMesh({ regions: ["weur"] });
});
afterAll(() => mesh.stop());

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${mesh.urlOf("weur")}/_mesh/v1/locks${path}`, {
    method,
    headers: { Authorization: `Bearer ${await mesh.adminToken()}` },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

const good = { holder: "a", ttlMs: 60_000 };

describe("the locks of the mesh API", () => {
  it("acquire, look, renew and release have the fields of the contract", async () => {
    const { body: hold } = await call("POST", "/shape/acquire", { ...good, requestId: "r", mode: "exclusive" });
    expect(Object.keys(hold).toSorted()).toEqual(["expiresAt", "holder", "lock", "token", "ttlMs"]);
    expect(hold).toMatchObject({ lock: "shape", holder: "a", ttlMs: 60_000 });
    expect(new Date(String(hold["expiresAt"])).toISOString()).toBe(hold["expiresAt"]);
    const { token } = hold;
    const { body: state } = await call("GET", "/shape");
    expect(state).toMatchObject({ lock: "shape", state: "held", holder: "a", token });
    const renewed = await call("POST", "/shape/renew", { holder: "a", token, ttlMs: 90_000 });
    expect(renewed).toMatchObject({ status: 200, body: { token, ttlMs: 90_000 } });
    const released = await call("POST", "/shape/release", { holder: "a", token });
    expect(released).toEqual({ status: 200, body: { lock: "shape", holder: "a", token } });
    expect((await call("GET", "/shape")).body).toEqual({ lock: "shape", state: "free", token });
  });

  it("the operator's release ends a hold and raises the token", async () => {
    const { body: hold } = await call("POST", "/operator/acquire", good);
    const { status, body } = await call("DELETE", "/operator");
    expect({ status, state: body["state"] }).toEqual({ status: 200, state: "free" });
    expect(Number(body["token"])).toBeGreaterThan(Number(hold["token"]));
    const late = await call("POST", "/operator/renew", { holder: "a", token: hold["token"] });
    expect(late).toMatchObject({ status: 409, body: { code: "not_holder" } });
  });

  it("all holds of a holder are renewed in one call, each for itself", async () => {
    const { body: one } = await call("POST", "/many-1/acquire", good);
    const { body: two } = await call("POST", "/many-2/acquire", good);
    await call("DELETE", "/many-2");
    const holds = [one, two].map(({ lock, token }) => ({ lock, token }));
    const { body } = await call("POST", "/renew", { holder: "a", holds });
    expect(body["holds"]).toMatchObject([
      { lock: "many-1", token: one["token"], ttlMs: 60_000, renewed: true },
      { lock: "many-2", token: two["token"], renewed: false, code: "not_holder" },
    ]);
  });

  it("what is held is listed page by page, each lock once", async () => {
    const names = Array.from({ length: 25 }, (_, index) => `page-${index}`);
    await Promise.all(names.map((lock) => call("POST", `/${lock}/acquire`, good)));
    const found: string[] = [];
    let cursor = "";
    do {
      const { body } = await call("GET", `?limit=7${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);
      const page = body["locks"] as readonly { readonly lock: string; readonly state: string }[];
      expect(page.length).toBeLessThanOrEqual(7);
      expect(page.every(({ state }) => state === "held")).toBe(true);
      found.push(...page.map(({ lock }) => lock));
      cursor = typeof body["cursor"] === "string" ? body["cursor"] : "";
    } while (cursor !== "");
    expect(found.filter((lock) => lock.startsWith("page-")).toSorted()).toEqual(names.toSorted());
    expect(new Set(found).size).toBe(found.length);
  });

  it("nobody passes without a token", async () => {
    const response = await fetch(`${mesh.urlOf("weur")}/_mesh/v1/locks`);
    expect(response.status).toBe(401);
    await response.body?.cancel();
  });

  it.each<[string, string, string, unknown, string]>([
    ["a shared mode", "POST", "/x/acquire", { ...good, mode: "shared" }, 'mode: expected "exclusive"'],
    [
      "permits",
      "POST",
      "/x/acquire",
      { ...good, permits: 2 },
      "permits: expected no such field: not available in this version",
    ],
    ["an unknown field", "POST", "/x/acquire", { ...good, ttl: 1 }, "ttl"],
    ["a holder that is missing", "POST", "/x/acquire", { ttlMs: 1_000 }, "holder"],
    [
      "a control character",
      "POST",
      "/x/acquire",
      { ...good, holder: "a\u0007" },
      "holder: expected a text of 1 to 128 bytes",
    ],
    [
      "a time that is too short",
      "POST",
      "/x/acquire",
      { ...good, ttlMs: 999 },
      "ttlMs: expected a whole number from 1000 to 3600000",
    ],
    ["a time that is not whole", "POST", "/x/acquire", { ...good, ttlMs: 1000.5 }, "ttlMs: expected a whole number"],
    [
      "a wait that is too long",
      "POST",
      "/x/acquire",
      { ...good, waitMs: 30_001 },
      "waitMs: expected a whole number from 0 to 30000",
    ],
    [
      "at least more than at most",
      "POST",
      "/x/acquire",
      { ...good, atLeastMs: 60_001 },
      "atLeastMs: expected at most ttlMs",
    ],
    ["no JSON", "POST", "/x/acquire", "{", "body: expected a JSON object"],
    ["a list", "POST", "/x/acquire", "[]", "body: expected a JSON object"],
    [
      "a field twice",
      "POST",
      "/x/acquire",
      '{"holder":"a","ttlMs":1000,"holder":"b"}',
      "body: expected no field twice",
    ],
    ["a name in capitals", "GET", "/Inventory", undefined, "name: expected [a-z0-9][a-z0-9._-]{0,63}"],
    ["a name that is too long", "DELETE", `/${"x".repeat(65)}`, undefined, "name: expected"],
    ["a token that is no number", "POST", "/x/renew", { holder: "a", token: "1" }, "token: expected a whole number"],
    ["a length on a release", "POST", "/x/release", { holder: "a", token: 1, ttlMs: 1_000 }, "ttlMs"],
    ["no hold to renew", "POST", "/renew", { holder: "a", holds: [] }, "holds: expected at least one hold"],
    [
      "a cursor of one's own",
      "GET",
      "?cursor=WzY0LCIiXQ",
      undefined,
      "query cursor: expected a cursor that a former page gave",
    ],
    ["a page of none", "GET", "?limit=0", undefined, "limit: expected a whole number from 1 to 1000"],
  ])("refuses %s", async (_title, method, path, body, detail) => {
    const answer = await call(method, path, body);
    expect(answer).toMatchObject({ status: 400, body: { code: "malformed_request" } });
    expect(answer.body["detail"]).toContain(detail);
  });
});
