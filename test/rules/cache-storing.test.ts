/** What may be kept, by sections of RFC 9111. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answer, clock, person, World, type Wanted } from "./cache-world.ts";

type Head = Readonly<Record<string, string>>;

beforeEach(clock.start);
afterEach(clock.stop);

/** Whether a second, equal request is a hit. */
async function isKept(head: Head, status = 200, wanted: Wanted = {}): Promise<boolean> {
  const body = status === 204 || status === 304 ? null : "a body";
  const world = new World(() => answer(head, { status, body }));
  const first = await world.get(wanted);
  const second = await world.get(wanted);
  expect(first.said.includes("; stored")).toBe(second.said.startsWith("selvedge; hit"));
  return second.said.startsWith("selvedge; hit");
}

const fresh = { "Cache-Control": "max-age=60" };

describe("RFC 9111 section 3", () => {
  it.each([
    ["max-age", fresh, 200, true],
    ["s-maxage", { "Cache-Control": "s-maxage=60" }, 200, true],
    ["Expires in the future", { Expires: "Sat, 21 Nov 2026 13:00:00 GMT" }, 200, true],
    ["any letter case", { "Cache-Control": "Max-Age=60, PUBLIC" }, 200, true],
    ["a 404 with max-age", fresh, 404, true],
    ["a 302 with max-age", fresh, 302, true],
    ["a 204 with max-age", fresh, 204, true],
    ["an unknown status", fresh, 299, false],
    ["a 500", fresh, 500, false],
    ["a 206", { ...fresh, "Content-Range": "bytes 0-5/6" }, 206, false],
    ["a 304 to the client's own condition", fresh, 304, false],
    ["no-store", { "Cache-Control": "max-age=60, no-store" }, 200, false],
    ["NO-STORE in capitals", { "Cache-Control": "max-age=60, NO-STORE" }, 200, false],
    ["no-store behind a quote that never ends", { "Cache-Control": 'max-age=60, a="b, no-store' }, 200, false],
    ["a no-store that is only text", { "Cache-Control": 'max-age=60, a="b, no-store"' }, 200, true],
    ["private", { "Cache-Control": "max-age=60, private" }, 200, false],
    ["private in quotes that are none", { "Cache-Control": 'max-age=60, x=",private="x"' }, 200, false],
    ["max-age in quotes that are none", { "Cache-Control": 'x=",max-age=60,"x' }, 200, false],
    ["Expires on a day that is none", { Expires: "Wed, 31 Feb 2027 12:00:60 GMT" }, 200, false],
    ["Expires in a leap second", { Expires: "Thu, 31 Dec 2026 23:59:60 GMT" }, 200, true],
    ['private="a-field"', { "Cache-Control": 'max-age=60, private="a-field"' }, 200, false],
    ["Set-Cookie", { ...fresh, "Set-Cookie": "a=b" }, 200, false],
    ["Set-Cookie with public", { "Cache-Control": "public, max-age=60", "Set-Cookie": "a=b" }, 200, false],
    ["Vary: *", { ...fresh, Vary: "*" }, 200, false],
    ["Vary: accept, *", { ...fresh, Vary: "accept, *" }, 200, false],
    ["a malformed Vary", { ...fresh, Vary: "accept encoding" }, 200, false],
    ["nothing of freshness", {}, 200, false],
    ["public alone", { "Cache-Control": "public" }, 200, false],
    ["Last-Modified alone: no heuristics", { "Last-Modified": "Fri, 20 Nov 2020 12:00:00 GMT" }, 200, false],
  ] as const)("%s", async (_title, head, status, kept) => {
    expect(await isKept(head, status)).toBe(kept);
  });

  it("default freshness is for a 200 that says nothing of freshness", async () => {
    const rule = { defaultTtlMs: 5_000 };
    expect(await isKept({}, 200, { rule })).toBe(true);
    expect(await isKept({ "Cache-Control": "public" }, 200, { rule })).toBe(true);
    expect(await isKept({}, 404, { rule })).toBe(false);
    expect(await isKept({ "Cache-Control": "no-cache" }, 200, { rule })).toBe(false);
    expect(await isKept({ "Cache-Control": "max-age=0" }, 200, { rule })).toBe(false);
    expect(await isKept({ Expires: "0" }, 200, { rule })).toBe(false);
    expect(await isKept({ Pragma: "no-cache" }, 200, { rule })).toBe(false);
    expect(await isKept({ Pragma: "public" }, 200, { rule })).toBe(true);
  });

  it("a request with no-store is not kept", async () => {
    expect(await isKept(fresh, 200, { headers: { "Cache-Control": "no-store" } })).toBe(false);
  });

  it("a route without a cache keeps nothing and says bypass", async () => {
    const world = new World(() => answer(fresh));
    expect((await world.get({ rule: null })).said).toBe("selvedge; fwd=bypass; fwd-status=200");
    expect((await world.get({ rule: null })).said).toBe("selvedge; fwd=bypass; fwd-status=200");
  });
});

describe("RFC 9111 section 3.1", () => {
  it("what speaks of one connection, and what Connection lists, is not kept", async () => {
    const world = new World(() =>
      answer({
        ...fresh,
        Connection: "X-Hop",
        "X-Hop": "1",
        "Keep-Alive": "1",
        "Proxy-Connection": "1",
        "X-Kept": "1",
      }),
    );
    await world.get();
    const { headers, said } = await world.get();
    expect(said).toContain("hit");
    expect(["connection", "x-hop", "keep-alive", "proxy-connection"].filter((name) => headers.has(name))).toEqual([]);
    expect(headers.get("x-kept")).toBe("1");
  });

  it("what the gate says for each request is not kept from another", async () => {
    const world = new World(() => answer({ ...fresh, RateLimit: '"origin";r=1', "Mesh-Extra": "origin" }));
    await world.get({ head: { "Mesh-Extra": "1" } });
    const { headers } = await world.get({ head: { "Mesh-Extra": "2", RateLimit: '"plan";r=9' } });
    expect(headers.get("ratelimit")).toBe('"plan";r=9');
    expect(headers.get("mesh-extra")).toBe("2");
  });
});

describe("RFC 9111 section 3.5", () => {
  const token = { headers: { Authorization: "Bearer x" }, identity: person("ann") };

  it.each([
    ["max-age", "max-age=60", false],
    ["public", "public, max-age=60", true],
    ["s-maxage", "s-maxage=60", true],
    ["must-revalidate", "max-age=60, must-revalidate", true],
  ])("an authorized answer with %s", async (_title, cacheControl, kept) => {
    expect(await isKept({ "Cache-Control": cacheControl }, 200, token)).toBe(kept);
  });

  it("what was answered to nobody is used for somebody only where the answer allows it", async () => {
    for (const [cacheControl, said] of [
      ["max-age=60", "fwd=miss"],
      ["public, max-age=60", "hit"],
    ]) {
      const world = new World(() => answer({ "Cache-Control": cacheControl ?? "" }));
      await world.get();
      expect((await world.get(token)).said).toContain(said);
      expect((await world.get()).said).toContain("hit");
    }
  });

  it("an identity without the field counts as authorized", async () => {
    expect(await isKept(fresh, 200, { identity: person("ann") })).toBe(false);
  });

  it("the field without an identity counts as authorized", async () => {
    expect(await isKept(fresh, 200, { headers: { Authorization: "Basic x" }, rule: { partition: ["subject"] } })).toBe(
      false,
    );
  });

  it("a partition that holds the identity keeps it", async () => {
    expect(await isKept(fresh, 200, { ...token, rule: { partition: ["subject"] } })).toBe(true);
    expect(await isKept(fresh, 200, { ...token, rule: { partition: ["roles"] } })).toBe(true);
  });

  it("a partition of which a part is missing does not", async () => {
    expect(await isKept(fresh, 200, { ...token, rule: { partition: ["tenant"] } })).toBe(false);
    const tenanted = person("ann", { tenant: "t" });
    expect(await isKept(fresh, 200, { ...token, identity: tenanted, rule: { partition: ["tenant"] } })).toBe(true);
    expect(await isKept(fresh, 200, { ...token, identity: tenanted, rule: { partition: ["tenant", "client"] } })).toBe(
      false,
    );
  });
});

describe("bodies", () => {
  it("one larger than the route's limit is passed on and not kept", async () => {
    const rule = { maxObjectBytes: 10 };
    const world = new World(() => answer(fresh, { body: "eleven byte" }));
    expect((await world.get({ rule })).body).toBe("eleven byte");
    expect((await world.get({ rule })).said).toContain("fwd=uri-miss");
  });

  it("one that announces too much is not read", async () => {
    const world = new World(() => answer({ ...fresh, "Content-Length": "11" }, { body: "eleven byte" }));
    expect((await world.get({ rule: { maxObjectBytes: 10 } })).said).toBe("selvedge; fwd=uri-miss; fwd-status=200");
  });

  it.each(["7", "5", "six"])("one of 6 bytes that announced %s is not kept", async (announced) => {
    const world = new World(() => answer({ ...fresh, "Content-Length": announced }));
    await world.get();
    expect((await world.get()).said).toContain("fwd=uri-miss");
  });

  it("one that breaks off is not kept", async () => {
    const broken = () =>
      new ReadableStream<Uint8Array>({
        start: (stream) => stream.enqueue(new TextEncoder().encode("half a ")),
        pull: (stream) => stream.error(new Error("connection lost")),
      });
    const world = new World(() => new Response(broken(), { headers: fresh }));
    await expect(world.get()).rejects.toThrow("connection lost");
    await world.settle();
    await expect(world.get()).rejects.toThrow("connection lost");
    expect(world.asked).toHaveLength(2);
    expect(world.cache.facts().entries).toBe(0);
  });
});
