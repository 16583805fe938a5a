/** Whose budget a request counts in, and what its answer says of it, over sockets and at every edge alike. */
import { join } from "node:path";
import { parseList } from "structured-headers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";

let origin: EchoOrigin;
let mesh: LocalMesh;
beforeAll(async () => {
  origin = await EchoOrigin.start();
  const configFile = join(import.meta.dirname, "limit-answers.config.ts");
  mesh = await startMesh({ configFile, origins: { "*": origin.url } });
});
afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
});

interface From {
  readonly address: string;
  readonly zone?: string;
}

function ask(path: string, { address, zone }: From, edge = 0): Promise<Response> {
  const worker = zone === undefined ? {} : { "cf-worker": zone };
  return fetch(`${mesh.edges[edge % mesh.edges.length]?.url}/${path}/echo`, {
    headers: { "cf-connecting-ip": address, ...worker },
  });
}

/** How many of eight requests, each from the next of these and at the next port, are admitted. */
async function admitted(path: string, from: readonly From[]): Promise<number> {
  let count = 0;
  for (let index = 0; index < 8; index += 1) {
    const one = from[index % from.length] ?? { address: "" };
    if ((await ask(path, one, index)).status === 200) count += 1;
  }
  return count;
}

interface Item {
  readonly name: unknown;
  readonly pk: readonly number[] | null;
}

function itemsOf(answer: Response, field: string): readonly Item[] {
  return parseList(answer.headers.get(field) ?? "").map(([name, parameters]): Item => {
    const pk: unknown = parameters.get("pk");
    return { name, pk: pk instanceof ArrayBuffer ? [...new Uint8Array(pk)] : null };
  });
}

describe("who shares a budget", () => {
  const workers = "2a06:98c0:3600::103";

  test.each<readonly [string, string, readonly From[], number]>([
    ["one /64 of IPv6", "subscribers", [{ address: "2001:db8::1" }, { address: "2001:db8::ffff:1" }], 3],
    ["two /64 do not", "subscribers", [{ address: "2001:db8:0:1::1" }, { address: "2001:db8:0:2::1" }], 6],
    ["one /48, where a limit says so", "sites", [{ address: "2001:db8:0:1::1" }, { address: "2001:db8:0:2::1" }], 3],
    ["one /24 of IPv4, where a limit says so", "sites", [{ address: "192.0.2.1" }, { address: "192.0.2.254" }], 3],
    ["nobody, where each address counts", "each", [{ address: "2001:db8::1" }, { address: "2001:db8::2" }], 6],
    ["the Workers of a zone", "subscribers", [{ address: workers, zone: "a.example" }], 3],
    [
      "Workers of two zones do not",
      "subscribers",
      [
        { address: workers, zone: "b.example" },
        { address: workers, zone: "c.example" },
      ],
      6,
    ],
    [
      "one address, whatever Workers it says to be",
      "subscribers",
      [
        { address: "198.51.100.1", zone: "d.example" },
        { address: "198.51.100.1", zone: "e.example" },
      ],
      3,
    ],
  ])("%s", async (_who, path, from, count) => {
    expect(await admitted(path, from)).toBe(count);
  });
});

describe("R23 what an answer says of its budgets", () => {
  test("R23 the same key at every edge, another for every address, and none for a limit by route", async () => {
    const keys = new Set<string>();
    for (const address of ["203.0.113.1", "203.0.113.2"]) {
      for (let edge = 0; edge < 3; edge += 1) {
        const answer = await ask("subscribers", { address }, edge);
        const [policies, states] = [itemsOf(answer, "ratelimit-policy"), itemsOf(answer, "ratelimit")];
        expect(policies.map(({ name, pk }) => [name, pk?.length ?? null])).toEqual([
          ["routes", null],
          ["subscribers", 8],
        ]);
        expect(states).toEqual(policies);
        keys.add(JSON.stringify(policies[1]?.pk));
      }
    }
    expect(keys.size).toBe(2);
  });

  test("R23 a field is no longer than two kibibytes under forty-one limits, and names the one that refuses", async () => {
    for (let index = 0; index < 4; index += 1) {
      const answer = await ask("many", { address: "203.0.113.9" }, index);
      expect(answer.status).toBe(index < 3 ? 200 : 429);
      for (const field of ["ratelimit-policy", "ratelimit"]) {
        expect(answer.headers.get(field)?.length).toBeLessThanOrEqual(2_048);
      }
      const named = itemsOf(answer, "ratelimit-policy").map(({ name }) => name);
      expect(named).toHaveLength(16);
      if (index === 3) expect(named).toContain("subscribers");
    }
  });
});
