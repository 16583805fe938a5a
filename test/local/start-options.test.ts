import { describe, expect, it } from "vitest";
import { readOptions, type StartOptions, UsageMistake } from "../../local/start-options.ts";

function options(...args: readonly string[]): StartOptions {
  const request = readOptions(args);
  if (request.kind === "help") throw new Error("help was asked for");
  return request.options;
}

describe("npm start's options", () => {
  it("without any, three regions run on 8787 to 8789", () => {
    expect(options()).toMatchObject({
      regions: ["weur", "enam", "apac"],
      ports: [8787, 8788, 8789],
      isolates: 1,
      origin: null,
    });
  });

  it("second isolates take the ports after the first ones", () => {
    expect(options("--regions", "weur,oc", "--isolates", "2", "--port", "9000").ports).toEqual([
      9000, 9001, 9002, 9003,
    ]);
    expect(options("--port", "0").ports).toEqual([0, 0, 0]);
  });

  it("an origin is a scheme, a host and a port", () => {
    expect(options("--origin", "http://127.0.0.1:3000/").origin).toBe("http://127.0.0.1:3000");
    expect(options("--origin=https://api.example.com").origin).toBe("https://api.example.com");
  });

  it("what is misspelt, out of range or out of place is refused by its name", () => {
    const refused: readonly (readonly [string, ...string[]])[] = [
      ["--bogus", "--bogus"],
      ["positional", "positional"],
      ["--port", "--port"],
      ["--port", "--port", "70000"],
      ["--port", "--port", "65534"],
      ["--port", "--port", "-1"],
      ["--isolates", "--isolates", "0"],
      ["--isolates", "--isolates", "1.5"],
      ["--regions", "--regions", "weur,mars"],
      ["--regions", "--regions", "weur,weur"],
      ["--regions", "--regions", ""],
      ["--origin", "--origin", "127.0.0.1:3000"],
      ["--origin", "--origin", "ftp://127.0.0.1"],
      ["--origin", "--origin", "http://127.0.0.1:3000/api"],
      ["--origin", "--origin", "http://user:pass@127.0.0.1"],
      ["--config", "--config", "/nowhere/mesh.config.ts"],
      ["--enforce", "--enforce"],
    ];
    for (const [named, ...args] of refused) {
      const read = () => readOptions(args.length === 0 ? [named] : args);
      expect(read, args.join(" ")).toThrow(UsageMistake);
      expect(read, args.join(" ")).toThrow(named);
    }
  });
});
