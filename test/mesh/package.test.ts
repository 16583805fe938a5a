/**
 * The published package, as its users meet it: packed, installed into a fresh Worker, type-checked, bundled and run.
 * The Worker is the one of docs/guides/in-your-own-worker.md, word for word.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseList } from "structured-headers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BusyOrigin } from "../support/busy-origin.ts";
import { expectFourAtOnce } from "../support/four-at-once.ts";
import { blocksOf, textOf } from "../support/guide.ts";
import { PackedPackage, running } from "../support/packed-package.ts";

/** What `selvedge/limit` may weigh, minified and compressed. */
const mostBytes = 8_192;

/** The n-th block of a language in the guide, from 0. */
function snippet(language: string, nth = 0): string {
  const found = blocksOf("in-your-own-worker.md").filter((block) => block.language === language)[nth];
  if (found === undefined) throw new Error(`expected more blocks of ${language} in the guide: received ${nth}`);
  return found.text;
}

const lines = (text: string): string[] => text.split("\n");
const swap = lines(snippet("diff"));
const beforeSwap = swap.filter((line) => !line.startsWith("+")).map((line) => line.slice(1));
const afterSwap = swap.filter((line) => !line.startsWith("-")).map((line) => line.slice(1));

const objectLines = snippet("toml");
const noObject = "";

/** Tells what becomes of each of these calls: a name of what was thrown, and its message. */
const mistaken = `
import { concurrency, fixedWindow, limiter, slidingWindow, tokenBucket } from "selvedge/limit";
import type { LimitOutcome } from "selvedge/limit";
export { Limiter } from "selvedge/objects";
const one = limiter("one", fixedWindow({ quota: 1, windowMs: 1_000 }));
const calls: readonly (() => unknown)[] = [
  () => one.limit({ key: "" }),
  // Cast: who writes no types may say it all the same.
  () => one.limit({ key: 5 as unknown as string }),
  () => one.limit({ key: "k", cost: -1 }),
  () => one.limit({ key: "k", cost: 0.5 }),
  () => one.limit({ key: "k", cost: NaN }),
  () => fixedWindow({ quota: -1, windowMs: 1_000 }),
  () => slidingWindow({ quota: 1, windowMs: 1.5 }),
  () => tokenBucket({ quota: 1, windowMs: 1_000, burst: 0 }),
  () => limiter("One", fixedWindow({ quota: 1, windowMs: 1_000 })),
  () => limiter("one", fixedWindow({ quota: 2, windowMs: 1_000 })),
  () => limiter("two", fixedWindow({ quota: 2, windowMs: 1_000 }), { timeoutMs: 1 }),
  () => concurrency({ quota: 1.5 }),
  () => concurrency({ quota: 1, leaseMs: 4_999 }),
  () => limiter("one", concurrency({ quota: 1 })),
  // @ts-expect-error Who writes no types may say it all the same.
  () => limiter("slots", concurrency({ quota: 1 })).limit({ key: "k", cost: 2 }),
];
async function said(call: () => unknown): Promise<string> {
  try {
    await call();
    return "nothing";
  } catch (error) {
    return String(error);
  }
}
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/mistakes") return Response.json(await Promise.all(calls.map((call) => said(call))));
    const outcome: LimitOutcome | string = await one
      .limit({ key: searchParams.get("key") ?? "none" })
      .catch((error: unknown) => String(error));
    return Response.json(outcome);
  },
};
`;

let packed: PackedPackage;
const project = (name: string, source: string, toml: string) => packed.project(name, source, toml);
const typeMistakes = (directory: string) => packed.typeMistakes(directory);

beforeAll(async () => {
  packed = await PackedPackage.pack();
}, 120_000);

afterAll(() => packed.remove());

describe("the published package", () => {
  test("holds what it exports, its papers and nothing else", async () => {
    const { files, installed } = packed;
    const papers = ["README.md", "LICENSE", "CHANGELOG.md", "package.json"].map((name) => `package/${name}`);
    expect(files.filter((file) => !file.startsWith("package/dist/package/")).toSorted()).toEqual(papers.toSorted());
    const { exports: entries } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
    };
    const targets = Object.values(entries).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    for (const target of targets) expect(files).toContain(join("package", target));
  });

  test("`selvedge/limit` weighs at most 8 KiB where nothing is held, and brings no other package", async () => {
    const counted = "limiter, fixedWindow, slidingWindow, tokenBucket";
    const names = [counted, "limiter, concurrency", `${counted}, concurrency`];
    const weights = await Promise.all(names.map((some) => packed.weigh(`export { ${some} } from "selvedge/limit";`)));
    const [ofCounts = 0, ofPermits = 0, ofAll = 0] = weights.map(({ bytes }) => bytes);
    process.stdout.write(
      `selvedge/limit: ${ofCounts} bytes gzip of ${mostBytes}; concurrency ${ofPermits}, all algorithms ${ofAll}\n`,
    );
    for (const { packages } of weights) expect(packages).toEqual([]);
    expect(ofCounts).toBeLessThanOrEqual(mostBytes);
    expect(ofPermits).toBeLessThanOrEqual(mostBytes);
    expect(ofAll).toBeGreaterThan(Math.max(ofCounts, ofPermits));
  });
});

describe("the guide's Worker", () => {
  test("is right by `tsc --strict`, which finds what is wrong", async () => {
    const source = snippet("ts");
    expect(await typeMistakes(project("typed", source, objectLines))).toBe("");
    const wrong = source
      .replace("key: (c) =>", "key: (c): number =>")
      .replace("c.var.rateLimit?.remaining", "c.var.rateLimit?.left")
      .replace("quota: 50, ", "");
    const mistakes = await typeMistakes(project("mistyped", wrong, objectLines));
    expect(mistakes).toContain("'left' does not exist");
    expect(mistakes).toContain("'quota' is missing");
    expect(mistakes).toContain("'number' is not assignable");
  });

  test("may say no cost of requests at once, by `tsc --strict`", async () => {
    const source = snippet("ts", 1);
    const costly = source.replace('key: () => "everybody"', 'key: () => "everybody", cost: 2');
    expect(await typeMistakes(project("costly", costly, objectLines))).toContain("'number' is not assignable");
    const counted = source.replace("concurrency({ quota: 4 })", "fixedWindow({ quota: 4, windowMs: 1_000 })");
    const plain = counted
      .replace("concurrency, ", "fixedWindow, ")
      .replace("{ signal: c.var.rateLimit?.signal ?? null }", "{}");
    const priced = plain.replace('key: () => "everybody"', 'key: () => "everybody", cost: async () => 2');
    expect(await typeMistakes(project("priced", priced, objectLines))).toBe("");
  });

  test("L1 lets exactly 50 of 300 through that two isolates are asked at once", async () => {
    await running(project("guide", snippet("ts"), objectLines), async (urls) => {
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, index) =>
          fetch(urls[index % 2] ?? "", { headers: { "cf-connecting-ip": "192.0.2.1" } }),
        ),
      );
      const statuses = Map.groupBy(answers, ({ status }) => status);
      expect(new Set(statuses.keys())).toEqual(new Set([200, 429]));
      expect(statuses.get(200)).toHaveLength(50);
      for (const { headers } of answers) {
        const policy = parseList(headers.get("RateLimit-Policy") ?? "");
        expect(policy).toEqual([
          [
            "reports",
            new Map([
              ["q", 50],
              ["w", 2_678_400],
            ]),
          ],
        ]);
        const [state] = parseList(headers.get("RateLimit") ?? "");
        expect(state?.[0]).toBe("reports");
        expect(Number(state?.[1].get("r"))).toBeLessThan(50);
        expect(Number(state?.[1].get("t"))).toBeGreaterThan(0);
      }
      const refused = statuses.get(429)?.[0];
      expect(Number(refused?.headers.get("Retry-After"))).toBeGreaterThan(86_400);
      expect(refused?.headers.get("Content-Type")).toBe("application/problem+json");
      expect(await refused?.json()).toMatchObject({
        type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
        status: 429,
        "violated-policies": ["reports"],
      });
      const other = await fetch(urls[1] ?? "", { headers: { "cf-connecting-ip": "192.0.2.2" } });
      expect(await other.json()).toEqual({ left: 49 });
    });
  });

  test("takes the place of the `ratelimits` binding by one line", async () => {
    expect(swap.filter((line) => line.startsWith("-"))).toHaveLength(1);
    expect(await typeMistakes(project("before-swap", beforeSwap.join("\n"), noObject))).toBe("");
    const swapped = project("after-swap", afterSwap.join("\n"), objectLines);
    expect(await typeMistakes(swapped)).toBe("");
    await running(swapped, async (urls) => {
      // Eleven are more than two windows admit, and the minute ends between them once at most.
      const statuses: number[] = [];
      for (let attempt = 0; attempt < 11; attempt += 1) {
        statuses.push((await fetch(`${urls[attempt % 2]}/alice`)).status);
      }
      expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(5);
      expect(statuses).toContain(429);
    });
  });
});

describe("the guide's Workers of requests at once", () => {
  /** By which a Worker is told that its client has gone. */
  const flagLine = 'compatibility_flags = ["enable_request_signal"]';

  test.each([
    ["with Hono", "hono", snippet("ts", 1)],
    ["without", "plain", `/// <reference lib="esnext.disposable" />\n${snippet("ts", 2)}`],
  ])(
    "L1 of 12 slow requests to two isolates never more than 4 run, and permits come back from clients that go (%s)",
    { timeout: 180_000 },
    async (_how, name, source) => {
      expect(textOf("in-your-own-worker.md")).toContain(flagLine);
      await using origin = await BusyOrigin.start();
      const inPlace = source.replace("https://renderer.example.com", origin.url);
      const directory = project(
        `held-${name}`,
        inPlace,
        `${flagLine}

${objectLines}`,
      );
      expect(await typeMistakes(directory)).toBe("");
      await running(directory, (urls) => expectFourAtOnce(urls, origin));
    },
  );
});

describe("a limiter", () => {
  test("throws at what only its program can have got wrong, and tells apart keys of any length", async () => {
    const directory = project("mistaken", mistaken, objectLines);
    expect(await typeMistakes(directory)).toBe("");
    await running(directory, async ([url = ""]) => {
      const said = (await (await fetch(`${url}/mistakes`)).json()) as string[];
      for (const one of said) expect(one).toMatch(/^(?:Range|Type)Error: cannot limit: expected .+: received .+$/);
      expect(said.at(-1)).toBe("TypeError: cannot limit: expected no cost: a request holds one permit: received 2");
      expect(said.slice(0, 5)).toEqual([
        'TypeError: cannot limit: expected a key, a text that is not empty: received ""',
        "TypeError: cannot limit: expected a key, a text that is not empty: received 5",
        "RangeError: cannot limit: expected cost, a whole number from 0 to 1000000000: received -1",
        "RangeError: cannot limit: expected cost, a whole number from 0 to 1000000000: received 0.5",
        "RangeError: cannot limit: expected cost, a whole number from 0 to 1000000000: received NaN",
      ]);
      const long = "k".repeat(600);
      for (const key of [`${long}1`, `${long}2`, "sha256:x"]) {
        const outcome = (await (await fetch(`${url}/?key=${key}`)).json()) as object;
        expect(outcome).toMatchObject({ success: true, limit: 1, remaining: 0, answeredBy: "limiter" });
      }
    });
  });

  test("says what to add where the class Limiter is missing", async () => {
    await running(project("classless", mistaken, noObject), async ([url = ""]) => {
      const outcome: unknown = await (await fetch(url)).json();
      expect(outcome).toContain("[exports.Limiter]");
      expect(outcome).toContain('export { Limiter } from "selvedge/objects"');
    });
  });
});
