/** Limits over sockets: one budget for the whole mesh, whichever edge is asked and whatever dies. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseList } from "structured-headers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { isLongRun } from "../support/long-run.ts";
import { spawnMesh, startMesh } from "../support/mesh.ts";

const configFile = join(import.meta.dirname, "limits.config.ts");

interface Taken {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly answeredBy: string;
}

async function take(url: string, token: string, key: string): Promise<Taken> {
  const response = await fetch(`${url}/_mesh/v1/limits/taken/take`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ key }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Taken;
}

async function tokenOf(url: string, secret: string): Promise<string> {
  const response = await fetch(`${url}/_mesh/v1/auth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`admin:${secret}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  const { access_token: token } = (await response.json()) as { readonly access_token: string };
  return token;
}

/** `count` calls at once, each to the next of the mesh's ports. */
function spread<Answer>(
  urls: readonly string[],
  count: number,
  call: (url: string) => Promise<Answer>,
): Promise<readonly Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => call(urls[index % urls.length] ?? "")));
}

function stateOf(response: Response): { readonly r: number; readonly t: number }[] {
  return parseList(response.headers.get("ratelimit") ?? "").map(([, parameters]) => ({
    r: Number(parameters.get("r")),
    t: Number(parameters.get("t")),
  }));
}

describe("limits of a mesh of three regions", () => {
  let origin: EchoOrigin;
  let mesh: LocalMesh;
  let urls: readonly string[];

  beforeAll(async () => {
    origin = await EchoOrigin.start();
    mesh = await startMesh({ configFile, origins: { "*": origin.url } });
    urls = mesh.edges.map(({ url }) => url);
  });
  afterAll(async () => {
    await mesh.stop();
    await origin[Symbol.asyncDispose]();
  });

  test("L1 of 300 requests at once to three ports exactly the quota of 50 reaches the origin", async () => {
    const answers = await spread(urls, 300, (url) =>
      fetch(`${url}/limited/echo`, { headers: { "cf-connecting-ip": "192.0.2.50" } }),
    );
    const passed = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 429);
    expect(passed).toHaveLength(50);
    expect(refused).toHaveLength(250);
    for (const answer of answers) {
      const [policy, ...others] = parseList(answer.headers.get("ratelimit-policy") ?? "");
      expect(others).toEqual([]);
      expect([policy?.[0], policy?.[1].get("q"), policy?.[1].get("w")]).toEqual(["gated", 50, 2_678_400]);
    }
    for (const answer of refused) {
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(stateOf(answer)[0]?.t ?? Infinity);
      expect(await answer.json()).toMatchObject({
        code: "quota_exceeded",
        type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "violated-policies": ["gated"],
      });
    }
  });

  test("a preflight costs nothing, and a browser can read the refusal", async () => {
    const browser = { origin: "https://app.example.com", "cf-connecting-ip": "192.0.2.51" };
    const preflight = { ...browser, "access-control-request-method": "GET" };
    for (let index = 0; index < 3; index += 1) {
      const answer = await fetch(`${urls[0]}/limited/echo`, { method: "OPTIONS", headers: preflight });
      expect(answer.headers.has("ratelimit")).toBe(false);
    }
    const answers = await spread(urls, 60, (url) => fetch(`${url}/limited/echo`, { headers: browser }));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
  });

  test("L4 of two limits both are charged or none", async () => {
    const headers = { "cf-connecting-ip": "192.0.2.52" };
    const answers = await spread(urls, 60, (url) => fetch(`${url}/twice/echo`, { headers }));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const token = await mesh.adminToken();
    const usedOf = async (limit: string) => {
      const path = `/_mesh/v1/limits/${limit}/budgets/192.0.2.52`;
      const response = await fetch(`${urls[1]}${path}`, { headers: { authorization: `Bearer ${token}` } });
      return ((await response.json()) as { readonly used: number }).used;
    };
    expect(await usedOf("scarce")).toBe(5);
    // What the first was charged goes back; each of three isolates may go on holding a lease, less than a quarter of what is left.
    await expect.poll(() => usedOf("plenty"), { timeout: 10_000 }).toBeLessThanOrEqual(5 + 3 * 25);
  });

  test("L1 a key is one budget for every edge that takes from it", async () => {
    const token = await mesh.adminToken();
    const taken = await spread(urls, 90, (url) => take(url, token, "a job's name, with a / in it"));
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(50);
    expect(new Set(taken.map(({ answeredBy }) => answeredBy))).not.toContain("fallback");
  });
});

/** A mesh of its own for each: it takes a second or two. */
const kills = isLongRun ? 20 : 1;

test(
  `L5 a mesh that is killed in mid-window and starts again, ${kills} times, admits no more than the quota in all`,
  { timeout: 60_000 + kills * 15_000 },
  async () => {
    const state = mkdtempSync(join(tmpdir(), "selvedge-limits-"));
    const args = ["--config", configFile, "--state", state];
    let allowed = 0;
    const count = ({ allowed: isAllowed }: Taken) => {
      allowed += isAllowed ? 1 : 0;
    };
    try {
      for (let kill = 0; kill < kills; kill += 1) {
        await using mesh = await spawnMesh(...args);
        const urls = mesh.ports.map(({ url }) => url);
        const token = await tokenOf(urls[0] ?? "", mesh.adminSecret);
        await spread(urls, Math.ceil(20 / kills), async (url) => count(await take(url, token, "k")));
        // These are under way when it dies: some were charged and their answers lost.
        const interrupted = Promise.allSettled(
          Array.from({ length: 5 }, async (_, index) => count(await take(urls[index % 3] ?? "", token, "k"))),
        );
        await mesh.kill("SIGKILL");
        await interrupted;
      }
      await using after = await spawnMesh(...args);
      const urls = after.ports.map(({ url }) => url);
      const token = await tokenOf(urls[0] ?? "", after.adminSecret);
      await spread(urls, 100, async (url) => count(await take(url, token, "k")));
    } finally {
      rmSync(state, { recursive: true, force: true, maxRetries: 10 });
    }
    expect(allowed).toBeLessThanOrEqual(50);
    // Not an empty truth. What was leased, or under way, when it was killed is lost.
    expect(allowed).toBeGreaterThan(0);
  },
);
