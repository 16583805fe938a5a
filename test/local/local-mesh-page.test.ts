/** The page of the local mesh and its `--help` name the same options, and the readme leads to the page. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { help, readOptions, UsageMistake } from "../../local/start-options.ts";

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs", "local-mesh.md"), "utf8");

/** What an unknown option is answered with. */
function declared(): readonly string[] {
  try {
    readOptions(["--colour"]);
  } catch (error) {
    if (error instanceof UsageMistake) return /^There are: (.*)$/m.exec(error.message)?.[1]?.split(" ") ?? [];
  }
  throw new Error("expected --colour to be refused");
}

describe("the options of npm start", () => {
  it("are the same in the refusal of an unknown one, in --help and on the page", () => {
    const inHelp = help.match(/^ {2}(--[a-z-]+)/gm)?.map((option) => option.trim());
    const onPage = page.match(/^\| `(--[a-z-]+)/gm)?.map((option) => option.slice(3));
    expect(inHelp).toEqual(onPage);
    expect(declared()).toEqual(onPage);
  });

  it("that npm took for its own are refused, with how to write them", () => {
    const env = { npm_lifecycle_event: "start", npm_config_like_production: "true" };
    expect(() => readOptions([], env)).toThrow("npm start -- --like-production");
    expect(readOptions([], { ...env, npm_lifecycle_event: "test" }).kind).toBe("start");
    expect(readOptions([], { npm_lifecycle_event: "start", npm_config_json: "true" }).kind).toBe("start");
  });
});

describe("the readme", () => {
  it("leads to files that are there", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const links = [...readme.matchAll(/\]\(((?!https?:|#)[^)#]+)/g)].map(([, path = ""]) => path);
    expect(links).toContain("docs/local-mesh.md");
    expect(links).toContain("docs/words.md");
    for (const link of links) expect(() => readFileSync(join(root, link)), link).not.toThrow();
  });
});
