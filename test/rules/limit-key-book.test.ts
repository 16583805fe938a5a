import { describe, expect, test } from "vitest";
import { heldLease } from "../../workers/limit/held-lease.ts";
import { KeyBook, type KeyEntry } from "../../workers/limit/key-book.ts";
import { limitOf } from "./limit-wire.ts";

const limit = limitOf();
const flood = limitOf({ name: "flood" });
const now = 1_000;

function lend(entry: KeyEntry, lifeMs = 60_000): void {
  entry.leases = [heldLease({ id: "request", returned: 0 }, { tokens: 5, lifeMs, everyMs: null }, now, null)];
}

describe("L7 a full key book", () => {
  test("gives a newcomer the place of the oldest entry that nothing depends on", () => {
    const book = new KeyBook(3);
    const [first] = ["first", "second", "third"].map((budget) => book.open(limit, budget, now));
    if (first !== undefined) lend(first);
    book.open(limit, "fourth", now);
    expect(book.size).toBe(3);
    expect(book.find("reads", "first")).toBe(first);
    expect(book.find("reads", "second")).toBeUndefined();
    expect(book.find("reads", "third")).toBeDefined();
    expect(book.find("reads", "fourth")).toBeDefined();
  });

  test("takes from the newcomer's own limit first, and from others where that has nothing to give", () => {
    const book = new KeyBook(4);
    for (const budget of ["a", "b"]) book.open(limit, budget, now);
    for (const budget of ["c", "d"]) book.open(flood, budget, now);
    book.open(flood, "e", now);
    expect(["a", "b"].map((budget) => book.find("reads", budget) !== undefined)).toEqual([true, true]);
    expect(book.find("flood", "c")).toBeUndefined();
    book.open(limitOf({ name: "new" }), "f", now);
    expect(book.find("new", "f")).toBeDefined();
    expect(book.size).toBe(4);
  });

  test("remembers no newcomer while every lease lives, and all of them again when they have ended", () => {
    const book = new KeyBook(1_000);
    for (let index = 0; index < 1_000; index += 1) lend(book.open(limit, `leased ${index}`, now));
    for (let index = 0; index < 5_000; index += 1) book.open(flood, `fresh ${index}`, now);
    expect(book.size).toBe(1_000);
    for (let index = 0; index < 1_000; index += 1) expect(book.find("reads", `leased ${index}`)).toBeDefined();
    expect(book.find("flood", "fresh 4999")).toBeUndefined();
    for (let index = 0; index < 1_000; index += 1) {
      book.open(flood, `later ${index}`, now + 60_000);
      expect(book.find("flood", `later ${index}`)).toBeDefined();
    }
    expect(book.size).toBe(1_000);
  });

  test("goes on searching where it ended: one idle entry among thousands is found by the newcomers that follow", () => {
    const book = new KeyBook(6_400);
    for (let index = 0; index < 6_400; index += 1)
      lend(book.open(limit, `${index}`, now), index === 5_000 ? 1 : 60_000);
    // Each looks at 64, of its own limit and then once more of all: within a hundred all have been seen.
    for (let newcomer = 0; newcomer < 100; newcomer += 1) book.open(limit, `newcomer ${newcomer}`, now + 1);
    expect(book.find("reads", "5000")).toBeUndefined();
    expect(Array.from({ length: 100 }, (_, at) => book.find("reads", `newcomer ${at}`)).filter(Boolean)).toHaveLength(
      1,
    );
  });
});
