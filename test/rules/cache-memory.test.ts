/** The isolate's memory: bounded, and what is used stays. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ChangedUrls } from "../../workers/cache/changed-urls.ts";
import type { Entry } from "../../workers/cache/entry.ts";
import { Memory } from "../../workers/cache/memory.ts";
import { answer, clock, World } from "./cache-world.ts";

beforeEach(clock.start);
afterEach(clock.stop);

const asker = { headers: new Headers(), identity: null, address: null };

function entry(path: string, bytes: number): Entry {
  const terms = { bornAt: 0, freshUntil: 1, staleIfErrorMs: 0, mustRevalidate: false, allowsCredentials: true };
  const marked = { epoch: "a", seq: 1, checkedThrough: 1, host: "h", path, tags: [] };
  const kept = { status: 200, head: {}, body: new Uint8Array(bytes), etag: null, lastModified: null, names: [] };
  return { ...terms, ...marked, ...kept, startedAt: 0 };
}

const keyOf = (path: string, selector = "") => ({ host: "h", path, url: `h${path}`, selector });

describe("memory", () => {
  it("holds its bound over 10^5 different keys, and is filled to it", () => {
    const maxBytes = 4 * 1024 * 1024;
    const memory = new Memory(maxBytes);
    let most = 0;
    for (let index = 0; index < 100_000; index += 1) {
      const path = `/${index}`;
      memory.put(keyOf(path, `s${index % 3}`), asker, entry(path, index % 2_000));
      most = Math.max(most, memory.bytes);
    }
    expect(most).toBeLessThanOrEqual(maxBytes);
    expect(memory.bytes).toBeGreaterThan(maxBytes * 0.95);
    expect(memory.size).toBeGreaterThan(500);
    expect(memory.find(keyOf("/0"), asker)).toEqual({ kind: "none", miss: "uri-miss" });
  });

  it("gives back all that it counted", () => {
    const memory = new Memory(1024 * 1024);
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 50; index += 1)
        memory.put(keyOf(`/${index}`, `s${index % 2}`), asker, entry("", index));
      for (let index = 0; index < 50; index += 1) memory.put(keyOf(`/${index}`, `s${index % 2}`), asker, entry("", 9));
      for (let index = 0; index < 50; index += 1) memory.forget(`h/${index}`);
      expect([memory.size, memory.bytes]).toEqual([0, 0]);
    }
  });

  it("lets go first of what was not used for longest", () => {
    const memory = new Memory(40_000);
    const paths = ["/a", "/b", "/c", "/d", "/e"];
    for (const path of paths.slice(0, 4)) memory.put(keyOf(path), asker, entry(path, 8_000));
    memory.find(keyOf("/a"), asker);
    memory.put(keyOf("/e"), asker, entry("/e", 8_000));
    const gone = paths.filter((path) => memory.find(keyOf(path), asker).kind === "none");
    expect(gone).toEqual(["/b"]);
  });

  it("does not take what would push out most of the rest", () => {
    const memory = new Memory(100_000);
    memory.put(keyOf("/a"), asker, entry("/a", 100));
    memory.put(keyOf("/big"), asker, entry("/big", 30_000));
    expect([memory.find(keyOf("/a"), asker).kind, memory.find(keyOf("/big"), asker).kind]).toEqual(["entry", "none"]);
  });

  it("removes an entry only while it is that very entry", () => {
    const memory = new Memory(100_000);
    const [old, renewed] = [entry("/a", 1), entry("/a", 2)];
    memory.put(keyOf("/a"), asker, old);
    memory.put(keyOf("/a"), asker, renewed);
    memory.remove(keyOf("/a"), asker, old);
    expect(memory.find(keyOf("/a"), asker)).toEqual({ kind: "entry", entry: renewed });
  });

  it("an isolate's share is bounded through the gate too", async () => {
    const world = new World(() => answer({ "Cache-Control": "max-age=60" }, { body: "x".repeat(1_000) }), {
      maxBytes: 50_000,
    });
    for (let index = 0; index < 100; index += 1) await world.get({ path: `/${index}` });
    expect(world.cache.facts().bytes).toBeLessThanOrEqual(50_000);
    expect(world.cache.facts().entries).toBeGreaterThan(10);
  });
});

describe("marks of writes", () => {
  it("are bounded, and what was dropped too early counts against everything older", () => {
    const changed = new ChangedUrls(100);
    for (let index = 0; index < 1_000; index += 1) changed.mark(`h/${index}`, 1_000 + index)();
    expect(changed.size).toBe(100);
    expect(changed.isChangedSince("h/never", 1_899)).toBe(true);
    expect(changed.isChangedSince("h/never", 1_900)).toBe(false);
    expect(changed.isChangedSince("h/999", 1_999)).toBe(true);
  });

  it("that are old and cleaned up cost nothing when they go", () => {
    const changed = new ChangedUrls(1);
    changed.mark("h/a", 0)();
    changed.mark("h/b", 60_000)();
    expect([changed.size, changed.isChangedSince("h/a", 0)]).toEqual([1, false]);
  });

  it("that are old but not cleaned up still count", () => {
    const changed = new ChangedUrls(1);
    changed.mark("h/a", 0);
    changed.mark("h/b", 60_000)();
    expect(changed.isChangedSince("h/a", 0)).toBe(true);
  });
});
