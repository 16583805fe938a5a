/** Conditions and confirmations: RFC 9110 section 13, RFC 9111 section 4.3, RFC 5861 section 4. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refuse } from "../../workers/problem/problem.ts";
import { answer, clock, World, type Origin } from "./cache-world.ts";

beforeEach(clock.start);
afterEach(clock.stop);

type Head = Readonly<Record<string, string>>;

const dated = "Fri, 20 Nov 2026 12:00:00 GMT";
const minute = { "Cache-Control": "max-age=60" };
const validated = { ...minute, ETag: '"1"', "Last-Modified": dated };

describe("a client's condition on a hit (RFC 9111 section 4.3.2)", () => {
  it.each([
    ["the same tag", { "If-None-Match": '"1"' }, 304],
    ["its weak form", { "If-None-Match": 'W/"1"' }, 304],
    ["a list that holds it", { "If-None-Match": '"0", W/"1","2"' }, 304],
    ["any", { "If-None-Match": "*" }, 304],
    ["another tag", { "If-None-Match": '"2"' }, 200],
    ["a tag that has it inside", { "If-None-Match": '"x, "1x"' }, 200],
    ["another tag, and a date that fits: the tag counts", { "If-None-Match": '"2"', "If-Modified-Since": dated }, 200],
    ["the date of change", { "If-Modified-Since": dated }, 304],
    ["a later date", { "If-Modified-Since": "Sat, 21 Nov 2026 11:00:00 GMT" }, 304],
    ["an earlier date", { "If-Modified-Since": "Thu, 19 Nov 2026 12:00:00 GMT" }, 200],
    ["no date", { "If-Modified-Since": "yesterday" }, 200],
  ] as const)("%s", async (_title, headers, status) => {
    const world = new World(() => answer(validated));
    await world.get();
    const given = await world.get({ headers });
    expect([given.status, given.body]).toEqual([status, status === 304 ? "" : "a body"]);
    expect(given.said).toBe("selvedge; hit; ttl=60");
  });

  it("a 304 carries all that the upstream said, but what describes the body", async () => {
    const world = new World(() =>
      answer({ ...validated, Vary: "Accept", "Content-Type": "text/plain", "X-Else": "1" }),
    );
    await world.get();
    const { headers } = await world.get({ headers: { "If-None-Match": '"1"' } });
    const names = ["cache-control", "date", "etag", "vary", "age", "cache-status", "x-else", "content-type"];
    expect(names.filter((name) => headers.has(name))).toEqual(names.slice(0, 7));
  });

  it("has no meaning for an answer that is no 200", async () => {
    const world = new World(() => answer(validated, { status: 404 }));
    await world.get();
    expect((await world.get({ headers: { "If-None-Match": '"1"' } })).status).toBe(404);
  });

  it("goes to the upstream on a miss, and its 304 comes back", async () => {
    const world = new World(({ headers }) =>
      answer(validated, headers.has("if-none-match") ? { status: 304, body: null } : {}),
    );
    const { said, status } = await world.get({ headers: { "If-None-Match": '"1"' } });
    expect([status, said]).toEqual([304, "selvedge; fwd=uri-miss; fwd-status=304"]);
  });
});

/** Confirms what it is asked for, with `update` in the 304. */
function confirming(head: Head, update: Head = {}): Origin {
  return ({ headers }) =>
    headers.has("if-none-match") || headers.has("if-modified-since")
      ? answer(update, { status: 304, body: null })
      : answer(head);
}

describe("confirming what is stale (RFC 9111 sections 4.3.1 and 4.3.4)", () => {
  it("asks with the kept validators in place of the client's, and freshens", async () => {
    const world = new World(confirming(validated, { ...minute, "X-New": "1" }));
    await world.get();
    clock.pass(60_000);
    const conditions = { "If-None-Match": '"9"', "If-Modified-Since": "Sat, 21 Nov 2026 11:00:00 GMT" };
    const second = await world.get({ headers: conditions });
    expect(world.asked[1]?.headers.get("if-none-match")).toBe('"1"');
    expect(world.asked[1]?.headers.get("if-modified-since")).toBe(dated);
    expect([second.status, second.body, second.said]).toEqual([200, "a body", "selvedge; fwd=stale; fwd-status=304"]);
    expect([second.headers.get("age"), second.headers.get("x-new")]).toEqual(["0", "1"]);
    expect((await world.get()).said).toBe("selvedge; hit; ttl=60");
  });

  it("then holds the client's own condition against what was confirmed", async () => {
    const world = new World(confirming(validated, minute));
    await world.get();
    clock.pass(60_000);
    expect((await world.get({ headers: { "If-None-Match": '"1"' } })).status).toBe(304);
  });

  it("a date alone is asked without the client's tags", async () => {
    const world = new World(confirming({ ...minute, "Last-Modified": dated }, minute));
    await world.get();
    clock.pass(60_000);
    await world.get({ headers: { "If-None-Match": '"9"' } });
    expect(world.asked[1]?.headers.has("if-none-match")).toBe(false);
    expect(world.asked[1]?.headers.get("if-modified-since")).toBe(dated);
  });

  it("what is never fresh is asked for each time, and its body is saved", async () => {
    const world = new World(confirming({ "Cache-Control": "no-cache", ETag: '"1"' }));
    expect((await world.get()).said).toContain("stored");
    for (let turn = 0; turn < 3; turn += 1) {
      const { body, said } = await world.get();
      expect([body, said]).toEqual(["a body", "selvedge; fwd=stale; fwd-status=304"]);
    }
  });

  it("the kept body keeps its description", async () => {
    const world = new World(
      confirming(
        { ...validated, "Content-Type": "text/plain" },
        { "Content-Type": "text/html", "Content-Length": "0" },
      ),
    );
    await world.get();
    clock.pass(60_000);
    await world.get();
    const { body, headers } = await world.get();
    expect([body, headers.get("content-type")]).toEqual(["a body", "text/plain"]);
  });

  it("a 304 for another tag is not believed: the whole answer is asked for", async () => {
    const world = new World(() => answer(validated));
    await world.get();
    clock.pass(60_000);
    world.answerWith(({ headers }) =>
      headers.has("if-none-match")
        ? answer({ ETag: '"2"' }, { status: 304, body: null })
        : answer({ ...minute, ETag: '"2"' }, { body: "another body" }),
    );
    const { body, said } = await world.get();
    expect([body, said]).toEqual(["another body", "selvedge; fwd=stale; fwd-status=200; stored"]);
    expect(world.asked).toHaveLength(3);
  });

  it.each([{ "Cache-Control": "no-store" }, { "Cache-Control": "private" }, { "Set-Cookie": "a=b" }])(
    "a 304 with %o answers this client, and ends the keeping",
    async (update) => {
      const world = new World(confirming(validated, update));
      await world.get();
      clock.pass(60_000);
      const { body, headers } = await world.get();
      expect([body, headers.get("set-cookie")]).toEqual(["a body", "Set-Cookie" in update ? "a=b" : null]);
      expect(world.cache.facts().entries).toBe(0);
    },
  );

  it("a whole answer takes the place of what was kept", async () => {
    let body = "one";
    const world = new World(() => answer(minute, { body }));
    await world.get();
    clock.pass(60_000);
    body = "two";
    expect((await world.get()).said).toBe("selvedge; fwd=stale; fwd-status=200; stored");
    expect((await world.get()).body).toBe("two");
  });

  it("bytes are kept as the upstream encoded them", async () => {
    const bytes = new Uint8Array([0x1f, 0x8b, 0, 255, 10]);
    const world = new World(() => new Response(bytes, { headers: { ...minute, "Content-Encoding": "gzip" } }));
    await (await world.begin()).arrayBuffer();
    await world.settle();
    const hit = await world.begin();
    expect(hit.headers.get("content-encoding")).toBe("gzip");
    expect(new Uint8Array(await hit.arrayBuffer())).toEqual(bytes);
  });
});

describe("errors of the upstream (RFC 5861 section 4)", () => {
  const tolerant = { "Cache-Control": "max-age=60, stale-if-error=30" };

  async function afterError(head: Head, ms: number, failing: Origin = () => answer({}, { status: 503 })) {
    const world = new World(() => answer(head));
    await world.get();
    clock.pass(ms);
    world.answerWith(failing);
    return await world.get();
  }

  it("are answered as they are", async () => {
    const { said, status } = await afterError(minute, 60_000);
    expect([status, said]).toEqual([503, "selvedge; fwd=stale; fwd-status=503"]);
  });

  it("stale-if-error lets the kept answer stand in, until its time ends", async () => {
    const during = await afterError(tolerant, 89_999);
    expect([during.status, during.body, during.headers.get("age")]).toEqual([200, "a body", "89"]);
    expect(during.said).toBe("selvedge; fwd=stale; fwd-status=503; detail=stale-if-error");
    expect((await afterError(tolerant, 90_000)).status).toBe(503);
  });

  it("an upstream that cannot be reached is an error too", async () => {
    const { said, status } = await afterError(tolerant, 70_000, () => refuse("upstream_failed"));
    expect([status, said]).toEqual([200, "selvedge; fwd=stale; detail=stale-if-error"]);
  });

  it.each(["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"])("%s forbids it", async (forbidding) => {
    const head = { "Cache-Control": `max-age=60, stale-if-error=30, ${forbidding}`, ETag: '"1"' };
    expect((await afterError(head, 70_000)).status).toBe(503);
  });

  it("a 404 is no error", async () => {
    expect((await afterError(tolerant, 70_000, () => answer({}, { status: 404 }))).status).toBe(404);
  });

  it("leave what was kept for the time after them", async () => {
    const world = new World(confirming(validated, minute));
    await world.get();
    clock.pass(60_000);
    world.answerWith(() => answer({}, { status: 503 }));
    await world.get();
    world.answerWith(confirming(validated, minute));
    expect((await world.get()).said).toBe("selvedge; fwd=stale; fwd-status=304");
  });
});
