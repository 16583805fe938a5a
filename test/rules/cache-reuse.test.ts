/** What kept answers may be used for, by sections of RFC 9111 and RFC 9211. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refuse } from "../../workers/problem/problem.ts";
import { answer, clock, World, type Wanted } from "./cache-world.ts";

beforeEach(clock.start);
afterEach(clock.stop);

type Head = Readonly<Record<string, string>>;

/** Cache-Status of a request `ms` after the same one was answered with `head`. */
async function saidAfter(ms: number, head: Head, wanted: Wanted = {}, first: Wanted = wanted): Promise<string> {
  const world = new World(() => answer(head));
  await world.get(first);
  clock.pass(ms);
  return (await world.get(wanted)).said;
}

const minute = { "Cache-Control": "max-age=60" };

describe("RFC 9111 section 4.2.1, freshness lifetime", () => {
  it.each([
    ["max-age", "max-age=60", 60],
    ["s-maxage before max-age", "max-age=10, s-maxage=60", 60],
    ["a quoted number", 'max-age="60"', 60],
    ["the same value twice", "max-age=60, max-age=60", 60],
    ["two values: stale", "max-age=60, max-age=10", null],
    ["a fraction: stale", "max-age=60.5", null],
    ["a negative number: stale", "max-age=-60", null],
    ["spaces around the equals sign: stale", "max-age = 60", null],
    ["single quotes: stale", "max-age='60'", null],
    ["no number: stale", "max-age", null],
    ["a number beyond all: for ever", "max-age=99999999999999999999", 2_147_483_648],
    ["proxy-revalidate leaves freshness alone", "max-age=60, proxy-revalidate", 60],
    ["stale-while-revalidate adds nothing", "max-age=60, stale-while-revalidate=600", 60],
    ["no-cache: never without asking", "max-age=60, no-cache", null],
    ['no-cache="a-field" is taken whole', 'max-age=60, no-cache="a-field"', null],
  ] as const)("%s", async (_title, cacheControl, ttl) => {
    const said = await saidAfter(0, { "Cache-Control": cacheControl });
    expect(said).toBe(ttl === null ? "selvedge; fwd=uri-miss; fwd-status=200" : `selvedge; hit; ttl=${ttl}`);
  });

  it.each([
    ["the fixed form", "Sat, 21 Nov 2026 12:01:00 GMT", 60],
    ["RFC 850's", "Saturday, 21-Nov-26 12:01:00 GMT", 60],
    ["asctime's", "Sat Nov 21 12:01:00 2026", 60],
    ["0", "0", null],
    ["a date of another form", "2026-11-21T12:01:00Z", null],
    ["another zone", "Sat, 21 Nov 2026 12:01:00 PDT", null],
    ["a day that is none", "Sat, 31 Feb 2027 12:01:00 GMT", null],
    ["two dates", "Sat, 21 Nov 2026 12:01:00 GMT, Sat, 21 Nov 2026 12:01:00 GMT", null],
  ] as const)("Expires: %s", async (_title, expires, ttl) => {
    const said = await saidAfter(0, { Expires: expires });
    expect(said).toBe(ttl === null ? "selvedge; fwd=uri-miss; fwd-status=200" : `selvedge; hit; ttl=${ttl}`);
  });

  it("max-age counts, not Expires", async () => {
    expect(await saidAfter(0, { ...minute, Expires: "0" })).toBe("selvedge; hit; ttl=60");
  });

  it("Expires counts from the answer's own Date", async () => {
    const dates = { Date: "Sat, 21 Nov 2026 11:59:00 GMT", Expires: "Sat, 21 Nov 2026 12:01:00 GMT" };
    expect(await saidAfter(0, dates)).toBe("selvedge; hit; ttl=60");
  });
});

describe("RFC 9111 section 4.2.3, age", () => {
  it("grows with the time in the cache, from what the upstream said", async () => {
    const world = new World(() => answer({ ...minute, Age: "20" }));
    expect((await world.get()).headers.get("age")).toBe("20");
    clock.pass(5_900);
    const { headers, said } = await world.get();
    expect(headers.get("age")).toBe("25");
    expect(said).toBe("selvedge; hit; ttl=34");
  });

  it("holds the way of the request against the answer", async () => {
    const world = new World(() => {
      clock.pass(3_000);
      return answer({ ...minute, Age: "1" });
    });
    await world.get();
    expect((await world.get()).headers.get("age")).toBe("4");
  });

  it.each([
    ["an old Date", { Date: "Sat, 21 Nov 2026 11:59:30 GMT" }, "30"],
    ["the first of two ages", { Age: "7, 9" }, "7"],
    ["an age that is no number", { Age: "7.5" }, "0"],
  ])("%s", async (_title, head, age) => {
    const world = new World(() => answer({ ...minute, ...head }));
    await world.get();
    expect((await world.get()).headers.get("age")).toBe(age);
  });

  it("is never below 0 when the clock is set back", async () => {
    const world = new World(() => answer(minute));
    await world.get();
    clock.pass(-5_000);
    expect((await world.get()).headers.get("age")).toBe("0");
  });
});

describe("RFC 9111 section 5.2.1, what a request asks", () => {
  const ask = (cacheControl: string): Wanted => ({ headers: { "Cache-Control": cacheControl } });

  it.each([
    ["no-cache", 0, "no-cache", "fwd=request"],
    ["max-age=0 in the same millisecond", 0, "max-age=0", "fwd=request"],
    ["max-age over the age", 9_000, "max-age=10", "hit"],
    ["max-age under the age", 11_000, "max-age=10", "fwd=request"],
    ["max-age that is no number", 0, "max-age=ten", "fwd=request"],
    ["min-fresh that is left", 10_000, "min-fresh=50", "hit"],
    ["min-fresh that is not", 10_001, "min-fresh=50", "fwd=request"],
    ["no-store may be answered from what is kept", 0, "no-store", "hit"],
    ["stale", 60_000, "max-age=600", "fwd=stale"],
    ["max-stale without a number", 600_000, "max-stale", "hit; ttl=-540"],
    ["max-stale that covers it", 70_000, "max-stale=10", "hit; ttl=-10"],
    ["max-stale that does not", 70_001, "max-stale=10", "fwd=stale"],
    ["max-stale that is no number", 70_000, "max-stale=ten", "fwd=stale"],
  ])("%s", async (_title, ms, cacheControl, said) => {
    expect(await saidAfter(ms, minute, ask(cacheControl), {})).toContain(said);
  });

  it.each(["must-revalidate", "proxy-revalidate", "s-maxage=60"])(
    "max-stale is nothing under %s",
    async (forbidding) => {
      const head = { "Cache-Control": `max-age=60, ${forbidding}` };
      expect(await saidAfter(70_000, head, ask("max-stale"), {})).toContain("fwd=stale");
    },
  );

  it("Pragma: no-cache counts without Cache-Control only", async () => {
    expect(await saidAfter(0, minute, { headers: { Pragma: "no-cache" } }, {})).toContain("fwd=request");
    const both = { headers: { Pragma: "no-cache", "Cache-Control": "max-age=60" } };
    expect(await saidAfter(0, minute, both, {})).toContain("hit");
  });

  it("only-if-cached is a hit or 504, and never asks", async () => {
    const world = new World(() => answer(minute));
    const { said, status } = await world.get(ask("only-if-cached"));
    expect([status, said]).toEqual([504, "selvedge; fwd=uri-miss"]);
    expect(world.asked).toHaveLength(0);
    await world.get();
    expect((await world.get(ask("only-if-cached"))).said).toContain("hit");
  });
});

describe("methods and ranges", () => {
  it("a HEAD is answered from a kept GET, with its length", async () => {
    const world = new World(() => answer(minute));
    await world.get();
    const { body, headers, said } = await world.get({ method: "HEAD" });
    expect([body, headers.get("content-length"), said]).toEqual(["", "6", "selvedge; hit; ttl=60"]);
  });

  it("a HEAD keeps nothing", async () => {
    const world = new World(() => answer(minute, { body: null }));
    await world.get({ method: "HEAD" });
    expect((await world.get({ method: "HEAD" })).said).toBe("selvedge; fwd=uri-miss; fwd-status=200");
  });

  it("a HEAD that tells of another representation ends a stale one (4.3.5)", async () => {
    const world = new World(({ method }) => answer({ ...minute, ETag: method === "GET" ? '"1"' : '"2"' }));
    await world.get();
    clock.pass(60_000);
    expect((await world.get({ method: "HEAD" })).said).toBe("selvedge; fwd=stale; fwd-status=200");
    expect(world.cache.facts().entries).toBe(0);
  });

  it.each([
    ["Range", { Range: "bytes=0-1" }],
    ["Upgrade", { Upgrade: "h2c" }],
  ])("a request with %s goes by", async (_title, headers) => {
    const world = new World(() => answer(minute));
    await world.get();
    expect((await world.get({ headers })).said).toBe("selvedge; fwd=bypass; fwd-status=200");
  });

  it("other methods go by", async () => {
    const world = new World(() => answer(minute));
    for (const method of ["POST", "OPTIONS", "DELETE"]) {
      expect((await world.get({ method })).said).toBe("selvedge; fwd=method; fwd-status=200");
    }
  });
});

describe("RFC 9211", () => {
  it("comes after what caches nearer to the service said, and a hit speaks for itself", async () => {
    const world = new World(() => answer({ ...minute, "Cache-Status": "near; hit" }));
    expect((await world.get()).said).toBe("near; hit, selvedge; fwd=uri-miss; fwd-status=200; stored");
    expect((await world.get()).said).toBe("selvedge; hit; ttl=60");
  });

  it("has no fwd-status when the upstream gave no answer", async () => {
    const world = new World(() => refuse("upstream_timeout"));
    const { said, status } = await world.get();
    expect([status, said]).toEqual([504, "selvedge; fwd=uri-miss"]);
  });
});
