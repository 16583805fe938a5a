/** RESTHeart's contract of tokens over sockets, call by call as curl sends it: the table is in `restheart-calls.ts`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { type CurlValues, sendCurl } from "../support/curl.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";
import type { RawAnswer } from "../support/raw-http.ts";
import { type RestheartCall, restheartCalls, restheartCookieCalls } from "../support/restheart-calls.ts";

let origin: EchoOrigin;

beforeAll(async () => {
  origin = await EchoOrigin.start();
});

afterAll(() => origin[Symbol.asyncDispose]());

/** A mesh with the accounts of the table, and what its calls are sent with. */
class Restheart {
  readonly #mesh: LocalMesh;
  readonly #secret: string;

  private constructor(mesh: LocalMesh, secret: string) {
    this.#mesh = mesh;
    this.#secret = secret;
  }

  static async start(config: string): Promise<Restheart> {
    const mesh = await startMesh({
      configFile: join(import.meta.dirname, config),
      origins: { "*": origin.url },
      ...(config === "restheart-cookie.config.ts" ? { regions: ["weur"] } : {}),
    });
    const put = async (path: string, body: object) => {
      const answer = await fetch(`${mesh.urlOf("weur")}/_mesh/v1${path}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${await mesh.adminToken()}` },
        body: JSON.stringify(body),
      });
      expect(answer.status).toBe(200);
      return (await answer.json()) as { readonly secret?: string };
    };
    const ada = { password: "shuttle", roles: ["editor"], scopes: ["read", "write"] };
    const made = [put("/accounts/ada", ada), put("/accounts/bob", {}), put("/clients/loom", { scopes: ["read"] })];
    const [, , loom] = await Promise.all(made);
    return new Restheart(mesh, loom?.secret ?? "");
  }

  stop(): Promise<void> {
    return this.#mesh.stop();
  }

  /** Each row comes from an address of its own: failed logins delay others from there. */
  async values(row: number): Promise<CurlValues> {
    const login = `-X POST -u ada:shuttle -H 'CF-Connecting-IP: 192.0.2.${row}' /token`;
    const { access_token: token } = bodyOf(await this.ask(login, {}, 1));
    return { TOKEN: String(token), SECRET: this.#secret, ADDRESS: `192.0.2.${row}` };
  }

  ask(curl: string, values: CurlValues, port = 0): Promise<RawAnswer> {
    const from = curl.includes("CF-Connecting-IP") ? "" : "-H 'CF-Connecting-IP: $ADDRESS' ";
    return sendCurl(this.#mesh.edges[port % this.#mesh.edges.length]?.port ?? 0, from + curl, values);
  }

  get otherPorts(): readonly number[] {
    return this.#mesh.edges.map((_, port) => port).slice(1);
  }
}

function bodyOf({ body }: RawAnswer): Readonly<Record<string, unknown>> {
  return JSON.parse(body) as Readonly<Record<string, unknown>>;
}

const matching = (value: unknown): unknown => (value instanceof RegExp ? expect.stringMatching(value) : value);

function expectAnswer(answer: RawAnswer, { status, fields = {}, body, without = [] }: RestheartCall): void {
  const found = new Map(answer.fields);
  const told = Object.fromEntries(Object.keys(fields).map((name) => [name, found.get(name) ?? null]));
  const expected = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, matching(value)]));
  expect({ status: answer.status, ...told }).toEqual({ status, ...expected });
  if (body === null) expect(answer.body).toBe("");
  else if (body !== undefined) {
    expect(bodyOf(answer)).toMatchObject(
      Object.fromEntries(Object.entries(body).map(([name, value]) => [name, matching(value)])),
    );
    for (const member of without) expect(bodyOf(answer)).not.toHaveProperty(member);
    const { access_token: token } = bodyOf(answer);
    if (token !== undefined && found.has("auth-token")) expect(token).toBe(found.get("auth-token"));
  }
}

async function expectCall(restheart: Restheart, call: RestheartCall, row: number): Promise<void> {
  const values = await restheart.values(row);
  for (let time = 0; time < (call.repeated?.times ?? 0); time += 1) {
    expect((await restheart.ask(call.curl, values, time)).status).toBe(call.repeated?.status);
  }
  expectAnswer(await restheart.ask(call.curl, values), call);
  const isAtOnce = call.curl.includes("ack=everywhere");
  for (const [curl, status] of call.after ?? []) {
    for (const port of [...restheart.otherPorts, 0]) {
      const found = async () => (await restheart.ask(curl, values, port)).status;
      if (isAtOnce) expect(await found()).toBe(status);
      else await expect.poll(found, { timeout: 10_000, interval: 20, message: `${curl} on port ${port}` }).toBe(status);
    }
  }
}

const titled = (calls: readonly RestheartCall[]) => calls.map((call, row) => [call.curl, call, row + 1] as const);

describe("a client of RESTHeart", () => {
  let restheart: Restheart;
  beforeAll(async () => {
    restheart = await Restheart.start("restheart.config.ts");
  });
  afterAll(() => restheart.stop());

  test.each(titled(restheartCalls))("finds its contract in curl %s", (_curl, call, row) =>
    expectCall(restheart, call, row),
  );
});

describe("a client of RESTHeart that uses its cookie", () => {
  let restheart: Restheart;
  beforeAll(async () => {
    restheart = await Restheart.start("restheart-cookie.config.ts");
  });
  afterAll(() => restheart.stop());

  test.each(titled(restheartCookieCalls))("finds its contract in curl %s", (_curl, call, row) =>
    expectCall(restheart, call, row),
  );
});

test("docs/conformance.md shows every row of the table", () => {
  const doc = readFileSync(join(import.meta.dirname, "..", "..", "docs", "conformance.md"), "utf8").split("\n");
  const rows = [...restheartCalls, ...restheartCookieCalls].map(
    ({ curl, restheart, differs = "the same" }) => `| \`${curl}\` | ${restheart} | ${differs} |`,
  );
  expect(rows.filter((row) => !doc.includes(row))).toEqual([]);
});
