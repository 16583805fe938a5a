/** What the build writes is what the Worker revives: the same mesh, for every configuration there is here and any other. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../workers/config/compile.ts";
import { defineMesh, readsAndWrites } from "../../workers/config/define.ts";
import type { Mesh } from "../../workers/config/mesh.ts";
import { reviveMesh } from "../../workers/config/revived.ts";
import { writeMesh, writtenForm } from "../../workers/config/written.ts";
import { limit, service, withTop } from "../support/configurations.ts";
import { blocksOf, configurationOf, guides, isConfiguration } from "../support/guide.ts";
import { anyConfiguration } from "./any-configuration.ts";

const root = join(import.meta.dirname, "..", "..");

const inFiles = [".", "bench", "local", "test/mesh", "test/support"].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".config.ts") && name !== "vitest.config.ts")
    .map((name) => join(folder, name)),
);
const inGuides = guides.flatMap((guide) => blocksOf(guide).filter(isConfiguration));

/** By way of the file that lies between them. */
function throughFile(mesh: Mesh): Mesh {
  const text = JSON.stringify(writeMesh(mesh));
  return reviveMesh(JSON.parse(text));
}

/** Every object of `left` beside the one in its place in `right`. */
function* pairsOf(left: unknown, right: unknown, seen = new Set<unknown>()): Generator<readonly [object, object]> {
  if (typeof left !== "object" || left === null || typeof right !== "object" || right === null) return;
  yield [left, right];
  if (seen.has(left)) return;
  seen.add(left);
  const others = itemsOf(right);
  for (const [index, item] of itemsOf(left).entries()) yield* pairsOf(item, others[index], seen);
}

function itemsOf(value: object): readonly unknown[] {
  return value instanceof Map || value instanceof Set ? [...value.values()] : Object.values(value);
}

function expectSame(config: unknown): void {
  const mesh = compile(config);
  const revived = throughFile(mesh);
  expect(revived).toStrictEqual(mesh);
  const twins = new Map<object, object>();
  for (const [left, right] of pairsOf(mesh, revived)) {
    expect(right).not.toBe(left);
    expect(Object.isFrozen(right)).toBe(Object.isFrozen(left));
    // What was one thing in two places is one thing again, and no two things have become one.
    expect(twins.get(left) ?? right).toBe(right);
    twins.set(left, right);
  }
  expect(new Set(twins.values()).size).toBe(twins.size);
}

beforeAll(() => {
  // A path's functions close over its text, and that of addresses over their networks, which are compared.
  expect.addEqualityTesters([
    (left, right) => (typeof left === "function" && typeof right === "function" ? true : undefined),
  ]);
});

describe("a revived configuration is the compiled one", () => {
  test.each(inFiles)("of %s", async (file) => {
    const loaded = (await import(pathToFileURL(join(root, file)).href)) as { readonly default: unknown };
    expectSame(loaded.default);
  });

  test.each(inGuides.map((block) => [block.at, block] as const))("of %s", (_at, block) => {
    expectSame(configurationOf(block, { defineMesh, readsAndWrites }));
  });

  test("of any other", () => {
    fc.assert(fc.property(anyConfiguration, expectSame), { numRuns: 200 });
  });

  test("with plans that are called as its own functions and fields are", () => {
    const of = Object.fromEntries(["__proto__", "constructor", "match", "has", "part", "kind"].map((key) => [key, 1]));
    const quota = { claim: "plan", of, else: 0 };
    expectSame(withTop({ limits: { reads: { ...limit, quota } } }));
  });
});

test("its paths, addresses and methods work, and its maps refuse changes", () => {
  const mesh = throughFile(
    compile(
      withTop({
        routes: [{ match: "/t/:tenant/*", methods: ["GET"], service: "inventory" }],
        addresses: { block: ["198.51.100.0/24"] },
      }),
    ),
  );
  expect(mesh.routes[0]?.path.match("/t/acme/parts")).toEqual({ tenant: "acme" });
  expect(mesh.routes[0]?.methods?.has("GET")).toBe(true);
  expect(mesh.routes[0]?.service).toBe(mesh.services.get("inventory"));
  expect([mesh.addresses.block?.has("198.51.100.7"), mesh.addresses.block?.has("192.0.2.1")]).toEqual([true, false]);
  expect(() => (mesh.services as Map<string, unknown>).clear()).toThrow(TypeError);
});

describe("what the Worker does not start with", () => {
  const written = writeMesh(compile(withTop({})));

  test.each([
    ["a configuration that was not compiled", { services: { inventory: service }, routes: [] }],
    ["data of an older form", { ...written, form: writtenForm - 1 }],
    ["data of a newer form", { ...written, form: writtenForm + 1 }],
    ["nothing", undefined],
  ])("%s", (_what, data) => {
    expect(() => reviveMesh(data)).toThrow(/^cannot use mesh\.config: expected what this version's build makes of it/);
  });
});

test.each([undefined, Number.NaN, Infinity, 1n, /x/, () => 1, new Map([[1, 1]])])(
  "what has no form in the file is not written: %s",
  (value) => {
    const mesh = { ...compile(withTop({})), later: value };
    expect(() => writeMesh(mesh)).toThrow("cannot write the configuration");
  },
);
