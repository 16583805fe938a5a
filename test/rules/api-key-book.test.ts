/** API keys where they are kept: made once, found by their proof, removed for ever. */
import { describe, expect, test } from "vitest";
import { lostAnswerMs } from "../../durable-objects/accounts/account-book.ts";
import { longestKeyCacheMs } from "../../durable-objects/accounts/contract.ts";
import { booksSettings, BooksWorld, proofText } from "../support/accounts-ledger.ts";

const now = 1_800_000_000_000;
const change = { by: "admin", requestId: "r1" };
const owner = { kind: "account", name: "ada", since: 5 } as const;
const factsOf = (id: string, expiresAt: number | null = null) =>
  ({ id, label: "ci", owner, scopes: null, roles: null, expiresAt }) as const;

function worldWith(expiresAt: number | null = null): BooksWorld {
  const world = new BooksWorld();
  expect(world.keys.create(factsOf("k1", expiresAt), proofText("p"), change, now).kind).toBe("created");
  return world;
}

describe("an API key", () => {
  test("is found by its proof alone, until its end", () => {
    const world = worldWith(now + 10);
    expect(world.keys.find("k1", proofText("p"), now)?.owner).toEqual(owner);
    for (const [id, word, at] of [
      ["k1", "q", now],
      ["k2", "p", now],
      ["k1", "p", now + 10],
    ] as const) {
      expect(world.keys.find(id, proofText(word), at)).toBeNull();
    }
    expect(world.keys.find("k2", "-".repeat(43), now)).toBeNull();
  });

  test("a call that comes twice makes one key; another proof under its id makes none", () => {
    const world = worldWith();
    const again = world.keys.create(factsOf("k1"), proofText("p"), change, now + 1);
    expect(again).toMatchObject({ kind: "created", events: world.owed });
    expect(world.keys.create(factsOf("k1"), proofText("other"), change, now)).toEqual({ kind: "conflict" });
    expect(world.owed).toHaveLength(1);
  });

  test("a use is noted to the minute, with one write a minute", () => {
    const world = worldWith();
    const { writes } = world.ledger;
    for (let at = now; at < now + 180_000; at += 1_000) world.keys.find("k1", proofText("p"), at);
    expect(world.ledger.writes - writes).toBe(3);
    expect(world.keys.facts("k1")?.usedAt).toBe(now + 120_000);
  });

  test("a removal ends it where it is cached, by its id, for longer than it can be cached", () => {
    const world = worldWith();
    const removed = world.keys.remove("k1", change, now);
    if (removed.kind === "missing") throw new Error("expected a removal");
    const endsAt = now + 2 * longestKeyCacheMs;
    const revocation = { jti: "k1", issuer: booksSettings.issuer, endsAt, by: "admin", since: now };
    expect(removed.events).toMatchObject([{ type: "audit" }, { type: "revocation", data: revocation }]);
    expect(world.keys.find("k1", proofText("p"), now)).toBeNull();
    expect(world.keys.remove("k1", change, now + lostAnswerMs - 1)).toEqual(removed);
    expect(world.keys.remove("k1", change, now + lostAnswerMs)).toEqual({ kind: "missing" });
  });

  test("an owner has a bounded number of them in a shard, and a full shard takes none", () => {
    const world = new BooksWorld();
    const made = Array.from({ length: 101 }, (_, index) =>
      world.keys.create(factsOf(`k${index}`), proofText("p"), change, now),
    );
    expect(made.map(({ kind }) => kind).filter((kind) => kind === "created")).toHaveLength(100);
    expect(made.at(-1)).toEqual({ kind: "full" });
    const other = { ...factsOf("x"), owner: { ...owner, name: "bob" } };
    expect(world.keys.create(other, proofText("p"), change, now).kind).toBe("created");
    expect(world.keys.list("bob", null, 10).map(({ id }) => id)).toEqual(["x"]);
    world.ledger.full = true;
    expect(world.keys.create({ ...other, id: "y" }, proofText("p"), change, now)).toEqual({ kind: "full" });
  });

  test("what is told of it holds no proof", () => {
    const world = worldWith();
    world.keys.remove("k1", change, now);
    expect(JSON.stringify([world.owed, world.keys.facts("k1")])).not.toContain(proofText("p"));
  });
});
