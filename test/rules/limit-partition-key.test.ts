/** R23: answers name the budgets that they speak of by keyed hashes, in fields that any parser of RFC 9651 reads. */
import fc from "fast-check";
import { parseList } from "structured-headers";
import { beforeAll, describe, expect, test } from "vitest";
import { announce } from "../../workers/gate/limit-answer.ts";
import type { Passage } from "../../workers/gate/passage.ts";
import type { LimitPart } from "../../workers/config/mesh.ts";
import { KeyedHash } from "../../workers/limit/keyed-hash.ts";
import { PartitionKeys } from "../../workers/limit/partition-keys.ts";
import type { Taken } from "../../workers/limit/taken.ts";
import { askOf, limitOf } from "./limit-wire.ts";

const secret = "a secret of the mesh, of 32 bytes or more";
const byAddress: readonly LimitPart[] = [{ kind: "address" }];
const reads = { name: "reads", by: byAddress };

async function derived(more: { readonly secret?: string; readonly environment?: string } = {}): Promise<PartitionKeys> {
  const keys = new PartitionKeys({ secret, environment: "production", ...more });
  await keys.derive();
  return keys;
}

let keys: PartitionKeys;
beforeAll(async () => {
  keys = await derived();
});

test("the hash is SipHash-2-4 of the UTF-16 code units, by the authors' vectors", () => {
  const hash = new KeyedHash([0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c]);
  const vectors = [
    [0, 0x726f_db47, 0xdd0e_0e31],
    [2, 0x0d6c_8009, 0xd9a9_4f5a],
    [4, 0xcf27_94e0, 0x2771_87b7],
    [6, 0xcbc9_466e, 0x58fe_e3ce],
    [8, 0x93f5_f579, 0x9a93_2462],
    [14, 0xf723_ca90, 0x8e7a_f2ee],
    [16, 0x3f2a_cc7f, 0x57c2_9bdb],
    [62, 0xe51b_3860, 0x8ef2_5f57],
  ] as const;
  for (const [bytes, high, low] of vectors) {
    const units = Array.from({ length: bytes / 2 }, (_, index) => (2 * index) | ((2 * index + 1) << 8));
    hash.read(String.fromCharCode(...units));
    expect([hash.high, hash.low], `${bytes} bytes`).toEqual([high, low]);
  }
});

describe("R23 a partition key", () => {
  test("R23 is the same at every edge of a mesh, and another one under another secret or environment", async () => {
    const here = keys.parameterOf(reads, "192.0.2.1");
    expect((await derived()).parameterOf(reads, "192.0.2.1")).toBe(here);
    expect((await derived({ secret: `${secret}.` })).parameterOf(reads, "192.0.2.1")).not.toBe(here);
    expect((await derived({ environment: "staging" })).parameterOf(reads, "192.0.2.1")).not.toBe(here);
  });

  test("R23 tells budgets apart, and does not tell that budgets of two limits are equal", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, other) => {
        const parameter = keys.parameterOf(reads, one);
        expect(parameter).toBe(keys.parameterOf(reads, one));
        expect(parameter).not.toBe(keys.parameterOf({ ...reads, name: "writes" }, one));
        if (one !== other) expect(parameter).not.toBe(keys.parameterOf(reads, other));
      }),
      { numRuns: 3_000 },
    );
  });

  test.each<readonly [string, readonly LimitPart[], boolean]>([
    ["an address", byAddress, true],
    ["a subject", [{ kind: "subject" }], true],
    ["a route and a tenant", [{ kind: "route" }, { kind: "tenant" }], true],
    ["a route", [{ kind: "route" }], false],
  ])("is told of limits by %s: %#", (what, by, isTold) => {
    expect(keys.parameterOf({ name: what.replaceAll(" ", "-"), by }, "budget") !== "").toBe(isTold);
  });

  test("before the key is derived nothing is told", () => {
    const early = new PartitionKeys({ secret, environment: "production" });
    expect(early.isReady).toBe(false);
    expect(() => early.parameterOf(reads, "192.0.2.1")).toThrow("was not derived");
  });
});

describe("R23 the fields", () => {
  function announced(count: number, refusing: readonly number[] = []): Readonly<Record<string, string>> {
    const head: Record<string, string> = {};
    const all = Array.from({ length: count }, (_, index) => {
      const name = `${String(index).padStart(3, "0")}${"n".repeat(61)}`;
      const limit = limitOf({ name, quota: 1_000_000_000, windowMs: 2_678_400_000 });
      const allowed = !refusing.includes(index);
      const taken: Taken = { allowed, remaining: 999_999_999, resetMs: 2_678_400_000, answeredBy: "lease", quota: 1 };
      return { ask: askOf(limit, 1, "2001:db8::/64"), taken };
    });
    announce({ head, isolate: { limits: { enforces: () => true }, partitionKeys: keys } } as unknown as Passage, all);
    return head;
  }

  const items = (field: string | undefined) =>
    parseList(field ?? "").map(([name, parameters]) => ({ name, parameters: Object.fromEntries(parameters) }));

  test("R23 carry the key as a byte sequence of eight bytes, the same in both", () => {
    const head = announced(2);
    const [policies, states] = [items(head["RateLimit-Policy"]), items(head["RateLimit"])];
    const bytesOf = ({ parameters: { pk } }: (typeof policies)[number]) =>
      pk instanceof ArrayBuffer ? [...new Uint8Array(pk)] : [];
    expect(policies.map(bytesOf).map((bytes) => bytes.length)).toEqual([8, 8]);
    expect(policies.map(bytesOf)).toEqual(states.map(bytesOf));
    expect(new Set(policies.map((policy) => bytesOf(policy).join())).size).toBe(2);
    expect(Object.keys(policies[0]?.parameters ?? {})).toEqual(["q", "w", "pk"]);
    expect(Object.keys(states[0]?.parameters ?? {})).toEqual(["r", "t", "pk"]);
  });

  test("R23 stay within two kibibytes however many limits a route has, and name the one that refuses", () => {
    for (const refusing of [[], [3], [99], [98, 99]]) {
      const head = announced(100, refusing);
      for (const field of ["RateLimit-Policy", "RateLimit"]) {
        expect(head[field]?.length).toBeLessThanOrEqual(2_048);
        const named = items(head[field]).map(({ name }) => (typeof name === "string" ? Number(name.slice(0, 3)) : -1));
        expect(named).toHaveLength(16);
        expect(named).toEqual(named.toSorted((one, other) => one - other));
        expect(named).toEqual(expect.arrayContaining([...refusing]));
      }
    }
  });
});
