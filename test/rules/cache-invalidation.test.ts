/** Invalidations, leases and writes: what was kept before them is not used after them. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answer, clock, Feed, PlatformCacheMemory, World, type Asked } from "./cache-world.ts";

beforeEach(clock.start);
afterEach(clock.stop);

const hour = { "Cache-Control": "max-age=3600" };
/** Longer than a view's lease: the next request has the view pull. */
const beyondLease = 1_001;

/** An origin whose answers tell how many came before. */
function counting(head: Readonly<Record<string, string>> = hour) {
  let count = 0;
  return () => answer(head, { body: `version ${(count += 1)}` });
}

describe("invalidations", () => {
  it.each([
    ["a tag of the answer (Cache-Tag)", { "Cache-Tag": "one, two" }, { tags: ["two"] }],
    ["a tag of the answer (Surrogate-Key)", { "Surrogate-Key": "one two" }, { tags: ["two"] }],
    ["a tag of the route", {}, { tags: ["of-route"] }],
    ["the URL", {}, { urls: [{ host: "api.example.com", path: "/a?b=1" }] }],
    ["a prefix", {}, { prefixes: [{ host: null, path: "/a" }] }],
    ["everything", {}, { everything: true as const }],
  ])("E4 %s ends a kept answer", async (_title, head, data) => {
    const world = new World(counting({ ...hour, ...head }));
    const wanted = { path: "/a?b=1", rule: { tags: ["of-route"] } };
    await world.get(wanted);
    world.feed.invalidate(data);
    clock.pass(beyondLease);
    expect((await world.get(wanted)).said).toBe("selvedge; fwd=miss; fwd-status=200; stored");
    expect((await world.get(wanted)).body).toBe("version 2");
  });

  it("leave alone what they do not name", async () => {
    const world = new World(counting({ ...hour, "Cache-Tag": "one" }));
    await world.get();
    world.feed.invalidate({ tags: ["two"] });
    clock.pass(beyondLease);
    expect((await world.get()).said).toContain("hit");
  });

  it("E4 a fill that began before an invalidation is never used after it, however late it comes", async () => {
    const world = new World(() => answer(hour));
    const [asked, gate] = [Promise.withResolvers<true>(), Promise.withResolvers<true>()];
    world.answerWith(async () => {
      asked.resolve(true);
      await gate.promise;
      return answer({ ...hour, "Cache-Tag": "one" }, { body: "old" });
    });
    const late = world.get();
    await asked.promise;
    world.feed.invalidate({ tags: ["one"] });
    clock.pass(beyondLease);
    // Another request has the view learn of it, while the fill is still under way.
    world.answerWith(() => answer({}));
    await world.get({ path: "/other" });
    gate.resolve(true);
    expect((await late).said).toContain("stored");
    world.answerWith(() => answer(hour, { body: "new" }));
    const after = await world.get();
    expect([after.body, after.said]).toEqual(["new", "selvedge; fwd=miss; fwd-status=200; stored"]);
  });

  it("`stale` asks the upstream, which may confirm", async () => {
    const world = new World(({ headers }: Asked) =>
      headers.has("if-none-match") ? answer(hour, { status: 304, body: null }) : answer({ ...hour, ETag: '"1"' }),
    );
    await world.get();
    world.feed.invalidate({ everything: true, mode: "stale" });
    clock.pass(beyondLease);
    expect((await world.get()).said).toBe("selvedge; fwd=stale; fwd-status=304");
    expect((await world.get()).said).toContain("hit");
  });

  it.each(["stale", "purge"] as const)("what was invalidated (%s) does not stand in for an error", async (mode) => {
    const world = new World(() => answer({ "Cache-Control": "max-age=3600, stale-if-error=3600", ETag: '"1"' }));
    await world.get();
    world.feed.invalidate({ everything: true, mode });
    clock.pass(beyondLease);
    world.answerWith(() => answer({}, { status: 503 }));
    expect((await world.get()).status).toBe(503);
  });

  it("E3 a view that cannot be made current gives no hit, and keeps nothing", async () => {
    const world = new World(counting());
    await world.get();
    world.feed.isReachable = false;
    clock.pass(beyondLease);
    const away = await world.get();
    expect([away.body, away.said]).toEqual(["version 2", "selvedge; fwd=bypass; fwd-status=200; detail=not-current"]);
    world.feed.isReachable = true;
    expect((await world.get()).body).toBe("version 1");
  });
});

describe("tags", () => {
  it("stay in the mesh", async () => {
    const world = new World(() =>
      answer({ ...hour, "Cache-Tag": "a", "Surrogate-Key": "b", "Surrogate-Control": "max-age=9" }),
    );
    for (const { headers } of [
      await world.get(),
      await world.get(),
      await world.get({ headers: { Range: "bytes=0-" } }),
    ]) {
      expect(["cache-tag", "surrogate-key", "surrogate-control"].filter((name) => headers.has(name))).toEqual([]);
    }
  });

  it.each([
    ["one of 65 bytes", "a".repeat(65)],
    ["one beyond ASCII", "caf\u00e9"],
    ["129 of them", Array.from({ length: 129 }, (_, index) => `t${index}`).join(",")],
  ])("%s keeps the answer from being kept, and it is said", async (_title, tags) => {
    const world = new World(() => answer({ ...hour, "Cache-Tag": tags }));
    expect((await world.get()).said).toBe("selvedge; fwd=uri-miss; fwd-status=200; detail=tags");
    expect(world.cache.facts().entries).toBe(0);
  });

  it.each([["a".repeat(64)], [Array.from({ length: 128 }, (_, index) => `t${index}`).join(",")]])(
    "as many and as long as may be are kept",
    async (tags) => {
      const world = new World(() => answer({ ...hour, "Cache-Tag": tags }));
      expect((await world.get()).said).toContain("stored");
    },
  );
});

describe("writes (RFC 9111 section 4.4)", () => {
  it.each([
    ["POST", 200, true],
    ["PUT", 204, true],
    ["DELETE", 303, true],
    ["PATCH", 404, false],
    ["POST", 500, false],
    ["OPTIONS", 200, false],
  ])("E6 a %s answered with %i", async (method, status, ends) => {
    const world = new World((asked) => (asked.method === "GET" ? answer(hour) : answer({}, { status, body: null })));
    await world.get();
    clock.pass(10);
    await world.get({ method, rule: null });
    clock.pass(10);
    expect((await world.get()).said.includes("hit")).toBe(!ends);
    // What was filled after the write is kept as ever.
    expect((await world.get()).said).toContain("hit");
  });

  it("forget the region's copies too", async () => {
    const world = new World(counting());
    await world.get({ rule: { partition: ["subject"] } });
    await world.get({ method: "POST" });
    const neighbour = world.neighbour();
    expect((await neighbour.get({ rule: { partition: ["subject"] } })).said).toContain("fwd=uri-miss");
  });

  it.each([
    ["Location", "/b", true],
    ["Content-Location", "https://api.example.com/b", true],
    ["Location", "https://elsewhere.example.com/b", false],
  ])("%s: %s", async (field, value, ends) => {
    const world = new World(({ method }) => answer(method === "GET" ? hour : { [field]: value }));
    await world.get({ path: "/b" });
    clock.pass(10);
    await world.get({ method: "POST", path: "/a" });
    expect((await world.get({ path: "/b" })).said.includes("hit")).toBe(!ends);
  });

  it("a fill that began before a write is not kept", async () => {
    const world = new World(() => answer(hour));
    const [asked, gate] = [Promise.withResolvers<true>(), Promise.withResolvers<true>()];
    world.answerWith(async ({ method }) => {
      asked.resolve(true);
      if (method === "GET") await gate.promise;
      return answer(hour, { body: method });
    });
    const late = world.get();
    await asked.promise;
    clock.pass(10);
    await world.begin({ method: "POST" });
    gate.resolve(true);
    expect((await late).said).toContain("stored");
    expect(world.cache.facts().entries).toBe(0);
    expect((await world.neighbour().get()).said).toContain("fwd=uri-miss");
  });

  it("a fill that ends after half a minute is not kept: marks need not live for ever", async () => {
    const world = new World(() => answer(hour));
    const response = await world.begin();
    clock.pass(30_001);
    await response.text();
    await world.settle();
    expect(world.cache.facts().entries).toBe(0);
  });
});

describe("the region's copies", () => {
  it("serve another isolate, whole", async () => {
    const world = new World(() => answer({ ...hour, "X-Name": "caf\u00e9", ETag: '"1"' }, { status: 404 }));
    await world.get();
    clock.pass(5_000);
    const neighbour = world.neighbour();
    // It learns its cursor first: what is older than what it knows is not used.
    const { body, headers, said, status } = await neighbour.get();
    expect([status, body, said]).toEqual([404, "a body", "selvedge; hit; ttl=3595"]);
    expect([headers.get("age"), headers.get("x-name"), headers.get("etag")]).toEqual(["5", "caf\u00e9", '"1"']);
    expect(headers.has("selvedge-entry")).toBe(false);
    expect((await neighbour.get()).said).toContain("hit");
    expect(neighbour.asked).toHaveLength(0);
  });

  it("E3 an isolate that cannot tell what was invalidated before its time does not use them", async () => {
    const world = new World(counting());
    await world.get();
    world.feed.invalidate({ tags: ["something"] });
    expect((await world.neighbour().get()).said).toBe("selvedge; fwd=miss; fwd-status=200; stored");
  });

  it("keep variants and selectors apart", async () => {
    const world = new World(({ headers }) =>
      answer({ ...hour, Vary: "Accept" }, { body: headers.get("accept") ?? "none" }),
    );
    const ask = (accept: string) => ({ headers: { Accept: accept } });
    await world.get(ask("a"));
    await world.get(ask("b"));
    const neighbour = world.neighbour();
    expect([(await neighbour.get(ask("b"))).body, (await neighbour.get(ask("a"))).body]).toEqual(["b", "a"]);
    expect(neighbour.asked).toHaveLength(0);
    expect((await neighbour.get(ask("c"))).body).toBe("c");
    expect((await neighbour.get({ ...ask("a"), route: "another" })).said).not.toContain("hit");
  });

  it("are judged again after the wait for them", async () => {
    const feed = new Feed();
    const platform = new PlatformCacheMemory();
    const world = new World(counting(), { feed, platform });
    await world.get();
    const neighbour = world.neighbour();
    await neighbour.get({ path: "/warm" });
    const match = platform.match.bind(platform);
    platform.match = async (url) => {
      feed.invalidate({ everything: true });
      clock.pass(beyondLease);
      return await match(url);
    };
    expect((await neighbour.get()).said).not.toContain("hit");
  });

  it("that fail are misses, and are counted", async () => {
    const world = new World(counting());
    world.platform.isBroken = true;
    expect((await world.get()).said).toBe("selvedge; fwd=uri-miss; fwd-status=200; stored");
    expect((await world.get()).said).toContain("hit");
    expect(world.cache.facts().regionFailures).toBe(2);
    await world.get({ method: "POST" });
    expect((await world.get()).body).toBe("version 3");
  });

  it("that were damaged are misses", async () => {
    const world = new World(counting());
    await world.get();
    for (const [url, { body }] of world.platform.kept) {
      world.platform.kept.set(url, { body, headers: new Headers({ "Selvedge-Entry": "{" }) });
    }
    const neighbour = world.neighbour();
    expect((await neighbour.get()).said).toContain("fwd=uri-miss");
    expect(neighbour.cache.facts().regionFailures).toBe(1);
  });
});
