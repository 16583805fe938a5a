/** Keys and amounts that one could take for others, over sockets: each key is a budget of its own, whoever wrote it. */
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";

const quota = 3;

let origin: EchoOrigin;
let mesh: LocalMesh;

beforeAll(async () => {
  origin = await EchoOrigin.start();
  const configFile = join(import.meta.dirname, "limits-live.config.ts");
  mesh = await startMesh({ configFile, regions: ["weur", "enam"], origins: { "*": origin.url } });
});
afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});

const umlaut = { composed: "\u00e9", decomposed: "e\u0301" };

/** No two of them are the same text, and many pairs are, to somebody who decodes, folds, trims, cuts or normalises. */
const texts: readonly string[] = [
  "a/b",
  "a%2Fb",
  "a%2fb",
  "a%252Fb",
  "a//b",
  "/a/b",
  "a/b/",
  "a\\b",
  "a b",
  "a+b",
  "a%20b",
  "a  b",
  "a,b",
  "a, b",
  "a:b",
  "a;b",
  "a|b",
  "a",
  "A",
  "a?b=c",
  "a#b",
  '"a"',
  '["a"]',
  '["a","b"]',
  '["a\\",\\"b"]',
  "__proto__",
  "constructor",
  "null",
  "0",
  "00",
  "sha256:0",
  `${"k".repeat(511)}1`,
  `${"k".repeat(511)}2`,
  "k".repeat(511),
];
/** Only in a body, which is UTF-8: a header is bytes. */
const unicode: readonly string[] = [
  umlaut.composed,
  umlaut.decomposed,
  "e",
  "\u212b",
  "\u00c5",
  "A\u030a",
  "\ufb01",
  "fi",
  "\uff41",
  "a\u200b",
  "a\u00a0b",
  "\u{1f600}".repeat(128),
  `${"\u20ac".repeat(170)}ab`,
];

interface Taken {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly retryAfterMs?: number;
}

async function api(
  call: string,
  body?: object,
  edge = 0,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const [method = "", path = ""] = call.split(" ");
  const answer = await fetch(`${mesh.edges[edge]?.url ?? ""}/_mesh/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${await mesh.adminToken()}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json() };
}

async function take(key: string, cost = 1, edge = 0): Promise<Taken> {
  const { status, body } = await api("POST /limits/taken/take", { key, cost }, edge);
  expect([status, key]).toEqual([200, key]);
  return body as Taken;
}

async function usedOf(limit: string, key: string): Promise<number> {
  const { body } = await api(`GET /limits/${limit}/budgets/${encodeURIComponent(key)}`);
  return (body as { readonly used: number }).used;
}

/** How many of one more than the quota are admitted, one after another at one edge and the other. */
async function admittedOf(ask: (edge: number) => Promise<boolean>): Promise<number> {
  let admitted = 0;
  for (let index = 0; index <= quota; index += 1) if (await ask(index % 2)) admitted += 1;
  return admitted;
}

describe("keys of the mesh API", () => {
  test("R24 keys that differ in anything have budgets of their own, and each has the whole quota", async () => {
    const keys = [...texts, ...unicode];
    expect(new Set(keys).size).toBe(keys.length);
    const admitted = await Promise.all(
      keys.map((key) => admittedOf(async (edge) => (await take(key, 1, edge)).allowed)),
    );
    expect(Object.fromEntries(keys.map((key, index) => [key, admitted[index]]))).toEqual(
      Object.fromEntries(keys.map((key) => [key, quota])),
    );
    for (const key of keys) expect([key, await usedOf("taken", key)]).toEqual([key, quota]);
  });

  test.each([
    ["10 kB", "k".repeat(10_240)],
    ["a megabyte short of the body's bound", "k".repeat(1_000_000)],
    ["513 bytes", `${"\u20ac".repeat(170)}abc`],
    ["513 bytes of faces", `${"\u{1f600}".repeat(128)}a`],
  ])("a key of %s is refused by its name, with what was expected, and nothing is taken", async (_, key) => {
    const { status, body } = await api("POST /limits/taken/take", { key });
    expect([status, body]).toMatchObject([
      400,
      { code: "malformed_request", detail: "key: expected a text of 1 to 512 bytes without control characters" },
    ]);
    expect(JSON.stringify(body).length).toBeLessThan(1_000);
    expect(await usedOf("taken", key.slice(0, 100))).toBe(0);
  });
});

describe("keys that the gate reads from a header", () => {
  async function admits(value: Buffer, edge: number): Promise<boolean> {
    const text = rawRequest("GET /named/echo", [`X-Client: ${value.toString("latin1")}`]);
    const { status } = await sendRaw(mesh.edges[edge]?.port ?? 0, text);
    expect([200, 429]).toContain(status);
    return status === 200;
  }

  test("R24 values that differ in anything have budgets of their own, also those over 512 bytes", async () => {
    const long = [10_240, 10_241].flatMap((length) => ["1", "2"].map((end) => `${"k".repeat(length)}${end}`));
    const values = [...texts, ...long].map((text) => Buffer.from(text));
    const forms = Object.values(umlaut).map((form) => Buffer.from(form));
    const all = [...values, ...forms];
    const admitted = await Promise.all(all.map((value) => admittedOf((edge) => admits(value, edge))));
    expect(admitted).toEqual(all.map(() => quota));
  });

  test("a value is the budget that the mesh API knows as a list of it", async () => {
    expect(await admits(Buffer.from("shared/with%2Fthe api"), 0)).toBe(true);
    expect(await usedOf("named", '["shared/with%2Fthe api"]')).toBe(1);
    expect(await usedOf("named", '["shared/with/the api"]')).toBe(0);
  });

  test("a value that HTTP does not allow is refused before it is a key", async () => {
    for (const value of ["a\u0000b", "a\rb"]) expect(await statusOf(`X-Client: ${value}`)).not.toBe(200);
  });

  /** 0 when the edge closes the connection without an answer. */
  function statusOf(field: string): Promise<number> {
    return new Promise((resolve) => {
      const socket = connect(mesh.edges[0]?.port ?? 0, "127.0.0.1");
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString("latin1")));
      socket.on("error", () => resolve(0));
      socket.on("close", () => resolve(Number(text.split(" ")[1] ?? 0)));
      socket.write(rawRequest("GET /named/echo", [field]), "latin1");
    });
  }
});

describe("amounts", () => {
  test("R22 a cost of 0 is admitted and takes nothing, also when nothing is left", async () => {
    expect(await take("free", 0)).toMatchObject({ allowed: true });
    expect(await usedOf("taken", "free")).toBe(0);
    for (let index = 0; index < quota; index += 1) await take("free");
    expect(await take("free", 1)).toMatchObject({ allowed: false, remaining: 0 });
    expect(await take("free", 0)).toMatchObject({ allowed: true, remaining: 0 });
  });

  test("R22 what costs more than the quota is refused for ever, and takes nothing", async () => {
    for (const cost of [quota + 1, 1_000_000_000]) {
      const taken = await take("dear", cost);
      expect(taken.allowed).toBe(false);
      expect(taken).not.toHaveProperty("retryAfterMs");
    }
    expect(await usedOf("taken", "dear")).toBe(0);
    expect(await take("dear", quota)).toMatchObject({ allowed: true, remaining: 0 });
  });

  test.each(["-1", "-0.5", "0.5", "1000000001", "1e10", "1e999", "9007199254740993", "NaN", '"1"', "null", "[1]"])(
    "a cost of %s is refused, and takes nothing",
    async (cost) => {
      expect(await refusal("POST", "/limits/taken/take", `{"key":"odd","cost":${cost}}`)).toBe("malformed_request");
      expect(await usedOf("taken", "odd")).toBe(0);
    },
  );

  test.each(["-1", "-0.5", "0.5", "1000000001", "1e999", "9007199254740993", "NaN", '"5"', "[]", '"Unlimited"'])(
    "a quota of %s is refused, and changes nothing",
    async (amount) => {
      expect(await refusal("PUT", "/limits/taken", `{"quota":${amount}}`)).toBe("malformed_request");
      expect((await api("GET /limits/taken")).body).toMatchObject({ source: "file", quota });
    },
  );

  test("R22 the largest quota there may be is admitted from, and announced", async () => {
    expect((await api("PUT /limits/named?ack=everywhere", { quota: 1_000_000_000 })).status).toBe(200);
    const answer = await fetch(`${mesh.edges[1]?.url ?? ""}/named/echo`, { headers: { "X-Client": "rich" } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("ratelimit-policy")).toMatch(/^"named";q=1000000000;w=2678400\b/);
    expect(answer.headers.get("ratelimit")).toMatch(/^"named";r=9\d{8};t=\d+\b/);
  });

  async function refusal(method: string, path: string, body: string): Promise<string> {
    const answer = await fetch(`${mesh.edges[0]?.url ?? ""}/_mesh/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${await mesh.adminToken()}` },
      body,
    });
    expect(answer.status).toBe(400);
    return ((await answer.json()) as { readonly code: string }).code;
  }
});
