import { describe, expect, it } from "vitest";
import { help, readOptions, UsageMistake } from "../../local/deploy-options.ts";

describe("npm run deploy's options", () => {
  it("without any, wrangler.toml says where the mesh answers, and no secret goes up with it", () => {
    expect(readOptions([])).toEqual({ kind: "deploy", options: { url: null, secretsFile: null } });
  });

  it("--help asks for nothing but the options, whatever stands beside it", () => {
    expect(readOptions(["--help"])).toEqual({ kind: "help" });
    expect(readOptions(["--url", "https://api.example.com", "--help"])).toEqual({ kind: "help" });
    for (const option of ["--url", "--secrets-file", "--help"]) expect(help).toContain(`\n  ${option} `);
  });

  it("what is misspelt or out of place is refused by its name, with those that there are", () => {
    const refused = [["--colour"], ["positional"], ["--url"], ["--url", "http://api.example.com"]];
    for (const args of [...refused, ["--secrets-file", "/nowhere/secrets"]]) {
      expect(() => readOptions(args), args.join(" ")).toThrow(UsageMistake);
      expect(() => readOptions(args), args.join(" ")).toThrow(args[0]);
    }
    expect(() => readOptions(["--colour"])).toThrow("There are: --url --secrets-file --help");
  });
});
