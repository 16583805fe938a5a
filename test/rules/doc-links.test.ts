/** Nobody who follows a link of the documentation ends nowhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { guides, textOf } from "../support/guide.ts";

const root = join(import.meta.dirname, "..", "..");
const pages = [root, join(root, "docs"), join(root, "docs", "guides")].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name)),
);

/** As GitHub makes them of headings: lower case, hyphens for spaces, and no other marks. */
function anchorsOf(page: string): readonly string[] {
  const text = readFileSync(page, "utf8").replaceAll(/^```.*?^```$/gms, "");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Those within this project. */
function linksOf(page: string): readonly (readonly [path: string, anchor: string])[] {
  const text = readFileSync(page, "utf8").replaceAll(/^```.*?^```$/gms, "");
  return [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, path = "", anchor = ""]) => [
    path === "" ? page : resolve(dirname(page), path),
    anchor,
  ]);
}

describe("the documentation", () => {
  test.each(pages.map((page) => [relative(root, page), page] as const))("%s links to what is there", (_name, page) => {
    for (const [path, anchor] of linksOf(page)) {
      expect([path, existsSync(path)]).toEqual([path, true]);
      if (anchor !== "") expect(anchorsOf(path), `${relative(root, path)}#${anchor}`).toContain(anchor);
    }
  });

  test("every guide whose lines ask a mesh says how to try it, which begins with a state that no other guide has touched", () => {
    const asking = guides.filter((guide) => textOf(guide).includes("$MESH") && !guide.startsWith(".."));
    expect(asking).toContain("login-guard.md");
    for (const guide of asking)
      expect([guide, textOf(guide)]).toEqual([guide, expect.stringContaining("(../local-mesh.md#try-a-guide)")]);
    expect(textOf("../local-mesh.md")).toContain("\nnpm start -- --fresh --config try.config.ts\n");
  });

  test("every guide that needs the operator's token says where one gets it that may do all that the guide does", () => {
    const using = guides.filter((guide) => textOf(guide).includes("$TOKEN") && !guide.startsWith(".."));
    expect(using.length).toBeGreaterThan(5);
    for (const guide of using)
      expect([guide, textOf(guide)]).toEqual([guide, expect.stringContaining("(../api.md#the-operators-token)")]);
  });
});
