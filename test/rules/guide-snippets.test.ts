/** Each configuration in a guide is one that the mesh would run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compile } from "../../workers/config/compile.ts";
import type { Mesh } from "../../workers/config/mesh.ts";
import { readsAndWrites } from "../../workers/config/reads-and-writes.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/guides/protect-an-api.md"), "utf8");
const snippets = [...guide.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);

async function meshOf(snippet: string): Promise<Mesh> {
  const presets = `const readsAndWrites = () => (${JSON.stringify(readsAndWrites())});`;
  const source = snippet.replace(/^import .*$/m, `const defineMesh = (config) => config; ${presets}`);
  const { default: config } = (await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(source)}`
  )) as { readonly default: unknown };
  return compile(config);
}

test("the guide to protecting an API shows three configurations", () => {
  expect(snippets).toHaveLength(3);
});

test("its preset is 200 reads and 50 writes a second by address", async () => {
  const { limits } = await meshOf(snippets[0] ?? "");
  expect(limits.get("reads")).toMatchObject({ quota: 200, windowMs: 1_000, by: [{ kind: "address" }] });
  expect(limits.get("writes")).toMatchObject({ quota: 50, windowMs: 1_000, by: [{ kind: "address" }] });
});

test("its plans and its costs are what the text says", async () => {
  const plans = await meshOf(snippets[1] ?? "");
  expect(plans.limits.get("plan")).toMatchObject({ quota: { claim: "plan", else: 10 }, burst: 1_000 });
  const costs = await meshOf(snippets[2] ?? "");
  expect(costs.routes[0]?.limits[0]).toMatchObject({ cost: 100, costHeader: "x-tokens-used" });
});
