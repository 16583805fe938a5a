/** What is told of scopes, to programs and to people, is what there is. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { MeshScope } from "../../workers/api/authorize.ts";
import { adminScopes, scopesAskedFor } from "../../workers/token/admin-client.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "api.md"), "utf8");

test("the mesh knows the scopes that its calls ask for, and no other", () => {
  const known: readonly MeshScope[] = adminScopes;
  for (const scope of known) expect(scopesAskedFor(scope)).toEqual([scope]);
  expect(scopesAskedFor("mesh:schedules")).toBeNull();
});

test("docs/api.md lists each of them with what it opens", () => {
  const listed = [...page.matchAll(/^\| `(mesh:[a-z]+)` \|/gm)].map(([, scope]) => scope);
  expect(listed).toEqual(adminScopes);
});
