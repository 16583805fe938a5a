/** Accounts and clients: what changes them, what proves them, and which tokens end with a change. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lostAnswerMs } from "../../durable-objects/accounts/account-book.ts";
import type { AccountSettings, PutAccount } from "../../durable-objects/accounts/contract.ts";
import { isSame } from "../../durable-objects/accounts/record.ts";
import { booksSettings, BooksWorld, proofText, settingsOf } from "../support/accounts-ledger.ts";

const now = 1_800_000_000_000;
const change = { by: "admin", requestId: "r1" };
const salted = (rounds: number) => ({ salt: "c2FsdA", iterations: 100_000, rounds });

type Asked = Partial<Omit<PutAccount, "facts">> & { readonly facts?: Partial<AccountSettings> };

function put(world: BooksWorld, { facts, ...more }: Asked = {}, at = now) {
  return world.accounts.put({ v: 1, facts: settingsOf(facts), ...change, ...more }, at);
}

function changed(world: BooksWorld, asked: Asked = {}, at = now) {
  const answer = put(world, asked, at);
  if (answer.kind === "conflict") throw new Error(`expected a change: received ${answer.reason}`);
  return answer;
}

const password = (word: string) => ({ proof: { proof: proofText(word), parameters: salted(2) } });
const secret = (word: string) => ({ proof: { proof: proofText(word), parameters: null, onlyIfNone: true } as const });
const client = (more: Partial<AccountSettings> = {}) => ({ kind: "client", name: "loom", ...more }) as const;
const typesOf = (answer: { readonly events: readonly { readonly type: string }[] }) =>
  answer.events.map(({ type }) => type);

describe("what is put", () => {
  test("a new account has version 1 and owes one audit event that names who did it, and no proof", () => {
    const world = new BooksWorld();
    const answer = changed(world, { ...password("right"), facts: { roles: ["editor"] } });
    expect(answer).toMatchObject({ isNew: true, hasTakenProof: true, facts: { version: 1, createdAt: now } });
    expect(answer.events).toEqual(world.owed);
    expect(answer.events).toMatchObject([
      { type: "audit", data: { actor: "admin", action: "account_created", target: "account:ada", before: null } },
    ]);
    expect(JSON.stringify(world.owed)).not.toContain("right");
  });

  test.each<readonly [string, Asked]>([
    ["another password", password("other")],
    ["roles", { facts: { roles: [] } }],
    ["more roles", { facts: { roles: ["editor", "admin"] } }],
    ["a tenant", { facts: { tenant: "t2" } }],
    ["claims", { facts: { claims: { plan: "pro" } } }],
    ["scopes", { facts: { scopes: ["read"] } }],
    ["being disabled", { facts: { isDisabled: true } }],
    ["an end", { facts: { expiresAt: now + 1 } }],
  ])("%s ends the tokens of before, from the moment of the change", (_what, asked) => {
    const world = new BooksWorld();
    const first = settingsOf({ roles: ["editor"], tenant: "t1" });
    changed(world, { ...password("right"), facts: first });
    const answer = changed(world, { ...asked, facts: { ...first, ...asked.facts } }, now + 5_000);
    expect(typesOf(answer)).toEqual(["audit", "revocation"]);
    expect(answer.events[1]?.data).toEqual({
      subject: "ada",
      issuer: booksSettings.issuer,
      issuedBefore: now + 5_000,
      endsAt: now + 5_000 + booksSettings.longestTokenMs + 2_000,
      by: "admin",
      since: now + 5_000,
      isFinal: true,
    });
  });

  test.each<readonly [string, Partial<AccountSettings>, Partial<AccountSettings>]>([
    ["being enabled again", { isDisabled: true }, {}],
    ["an end that is put off", { expiresAt: now + 1_000 }, { expiresAt: now + 2_000 }],
    ["an end that is taken away", { expiresAt: now + 1_000 }, {}],
  ])("%s ends no token", (_what, before, after) => {
    const world = new BooksWorld();
    changed(world, { facts: before });
    expect(typesOf(changed(world, { facts: after }))).toEqual(["audit"]);
  });

  test("what a caller of a version before leaves unsaid is as for a new one", () => {
    const world = new BooksWorld();
    changed(world, { facts: { roles: ["editor"] } });
    expect(changed(world, { facts: {} }).facts.roles).toEqual([]);
    expect(put(world, { facts: {}, unsaid: ["roles"] })).toMatchObject({ kind: "changed" });
  });

  test("a client's tokens end by the client, those of people that it got, too", () => {
    const world = new BooksWorld();
    changed(world, { ...secret("s"), facts: client({ resources: ["lock:a"] }) });
    const answer = changed(world, { facts: client({ resources: ["lock:b"] }) });
    expect(answer.events[1]?.data).toMatchObject({ client: "loom" });
    expect(answer.events[1]?.data).not.toHaveProperty("subject");
    expect(
      typesOf(changed(world, { facts: client({ resources: ["lock:b"], redirectUris: ["https://a.example/"] }) })),
    ).toEqual(["audit"]);
  });

  test("the same again is not a change, whatever order its names are in; a caller who lost the answer gets that one", () => {
    const world = new BooksWorld();
    const facts = { roles: ["a", "b"], claims: { x: { p: 1, q: 2 }, y: [1, 2] } };
    const first = changed(world, { ...password("right"), facts });
    const turned = { roles: ["b", "a"], claims: { y: [1, 2], x: { q: 2, p: 1 } } };
    const asked = { ifVersion: 0, proof: { ...password("new").proof, unchangedIf: proofText("right") }, facts: turned };
    expect(changed(world, asked, now + lostAnswerMs - 1)).toEqual(first);
    const late = changed(world, asked, now + lostAnswerMs);
    expect(late).toMatchObject({ isNew: false, hasTakenProof: false, events: [], facts: { version: 1 } });
    expect(world.owed).toHaveLength(1);
    const swapped = changed(world, { facts: { ...facts, claims: { ...facts.claims, y: [2, 1] } } });
    expect(swapped.facts.version).toBe(2);
  });

  test("the password of before is told from another one, and keeps what came of it", () => {
    const world = new BooksWorld();
    changed(world, password("right"));
    const same = { proof: { ...password("salted anew").proof, unchangedIf: proofText("right") } };
    const kept = changed(world, { ...same, facts: { isDisabled: true } }, now + 1);
    expect(kept).toMatchObject({ hasTakenProof: false, facts: { proofChangedAt: now } });
    const other = changed(world, { proof: { ...password("b").proof, unchangedIf: proofText("not it") } }, now + 2);
    expect(other).toMatchObject({ hasTakenProof: true, facts: { proofChangedAt: now + 2 } });
  });

  test("of many who write by one version one gets it, and the others are told", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 2, maxLength: 12 }), (roles) => {
        const world = new BooksWorld();
        changed(world);
        const answers = roles.map((role, index) => put(world, { ifVersion: 1, facts: { roles: [role] } }, now + index));
        const [first] = roles;
        for (const [index, answer] of answers.entries()) {
          const isSameAsFirst = roles[index] === first;
          expect(answer.kind).toBe(isSameAsFirst ? "changed" : "conflict");
        }
        expect(world.accounts.facts("account", "ada")).toMatchObject({ version: 2, roles: [first] });
      }),
    );
  });

  test("a version of nothing is 0, and of something is not", () => {
    const world = new BooksWorld();
    expect(put(world, { ifVersion: 1 })).toEqual({ kind: "conflict", reason: "version" });
    expect(put(world, { ifVersion: 0 }).kind).toBe("changed");
    expect(put(world, { ifVersion: 0, facts: { roles: ["a"] } })).toEqual({ kind: "conflict", reason: "version" });
  });

  test("an account and a client of one name would be one subject: the second is refused", () => {
    const world = new BooksWorld();
    changed(world, { facts: { name: "loom" } });
    expect(put(world, { facts: client() })).toEqual({ kind: "conflict", reason: "name_taken" });
    expect(world.owed).toHaveLength(1);
  });

  test("a full shard takes no new ones and changes those that it has", () => {
    const world = new BooksWorld();
    changed(world);
    world.ledger.full = true;
    expect(put(world, { facts: { name: "bob" } })).toEqual({ kind: "conflict", reason: "full" });
    expect(changed(world, { facts: { roles: ["a"] } }).facts.roles).toEqual(["a"]);
  });

  test("what was done is remembered for a while, and forgotten by what is done later", () => {
    const world = new BooksWorld();
    for (let index = 0; index < 50; index += 1) changed(world, { facts: { name: `n${index}` } }, now + index);
    expect(world.ledger.remembered).toBe(50);
    for (let index = 0; index < 20; index += 1) {
      changed(world, { facts: { name: `m${index}` } }, now + 2 * lostAnswerMs);
    }
    expect(world.ledger.remembered).toBe(20);
  });
});

describe("what is removed", () => {
  test("ends its tokens, is gone, and is told so again to who lost the answer", () => {
    const world = new BooksWorld();
    changed(world, password("right"));
    const first = world.accounts.remove("account", "ada", change, now + 1);
    if (first.kind === "missing") throw new Error("expected a removal");
    expect(typesOf(first)).toEqual(["audit", "revocation"]);
    expect(world.accounts.check("account", "ada", [proofText("right")], undefined, now + 2)).toBeNull();
    expect(world.accounts.remove("account", "ada", change, now + lostAnswerMs)).toEqual(first);
    expect(world.accounts.remove("account", "ada", change, now + 1 + lostAnswerMs)).toEqual({ kind: "missing" });
    expect(world.owed).toHaveLength(3);
  });

  test("nothing is removed twice: one that was made anew has a beginning of its own", () => {
    const world = new BooksWorld();
    changed(world, password("right"));
    world.accounts.remove("account", "ada", change, now + 1);
    const anew = changed(world, password("right"), now + 2);
    expect(anew).toMatchObject({ isNew: true, facts: { createdAt: now + 2, proofChangedAt: now + 2 } });
    const removed = world.accounts.remove("account", "ada", change, now + 3);
    expect(removed).toMatchObject({ kind: "changed", facts: { createdAt: now + 2 } });
  });
});

describe("what proves", () => {
  test.each<readonly [string, Partial<AccountSettings>, string, boolean]>([
    ["the password", {}, "right", true],
    ["another one", {}, "wrong", false],
    ["the password of one that is disabled", { isDisabled: true }, "right", false],
    ["the password before its end", { expiresAt: now + 1 }, "right", true],
    ["the password from its end on", { expiresAt: now }, "right", false],
  ])("%s", (_what, facts, word, isRight) => {
    const world = new BooksWorld();
    changed(world, { ...password("right"), facts });
    expect(world.accounts.check("account", "ada", [proofText(word)], undefined, now) !== null).toBe(isRight);
    expect(world.accounts.check("client", "ada", [proofText(word)], undefined, now)).toBeNull();
  });

  test("nothing proves one without a password, nor what stands in where there is nothing to compare", () => {
    const world = new BooksWorld();
    changed(world);
    for (const name of ["ada", "nobody"]) {
      for (const proof of ["-".repeat(43), "", proofText("")]) {
        expect(world.accounts.check("account", name, [proof], undefined, now)).toBeNull();
      }
    }
    expect(isSame("", "-".repeat(43))).toBe(false);
    expect(isSame("a", "a\0")).toBe(false);
  });

  test("any of the spellings of a secret is enough", () => {
    const world = new BooksWorld();
    changed(world, { ...secret("s"), facts: client() });
    const proofs = [proofText("encoded"), proofText("s")];
    expect(world.accounts.check("client", "loom", proofs, undefined, now)?.name).toBe("loom");
  });

  test("a right password is kept by the rounds of the configuration, without a change; a wrong one changes nothing", () => {
    const world = new BooksWorld();
    changed(world, password("two rounds"));
    const renewed = { proof: proofText("five rounds"), parameters: salted(5) };
    expect(world.accounts.check("account", "ada", [proofText("wrong")], renewed, now)).toBeNull();
    expect(world.accounts.parametersOf("ada")).toEqual(salted(2));
    expect(world.accounts.check("account", "ada", [proofText("two rounds")], renewed, now)?.version).toBe(1);
    expect(world.accounts.parametersOf("ada")).toEqual(salted(5));
    expect(world.accounts.check("account", "ada", [proofText("two rounds")], undefined, now)).toBeNull();
    expect(world.accounts.check("account", "ada", [proofText("five rounds")], undefined, now)).not.toBeNull();
    expect(world.owed).toHaveLength(1);
    const otherSalt = { proof: proofText("x"), parameters: { ...salted(9), salt: "b3RoZXI" } };
    world.accounts.check("account", "ada", [proofText("five rounds")], otherSalt, now);
    expect(world.accounts.parametersOf("ada")).toEqual(salted(5));
  });

  test("every login of a shard costs what the dearest password there costs", () => {
    const world = new BooksWorld();
    expect(world.accounts.allRounds()).toBe(booksSettings.passwords.rounds);
    changed(world, { facts: { name: "old" }, proof: { proof: proofText("p"), parameters: salted(9) } });
    expect(world.accounts.allRounds()).toBe(9);
  });
});

describe("a client's secret", () => {
  const rotate = (world: BooksWorld, word: string, previousEndsAt: number | null = null, at = now) =>
    world.accounts.rotateSecret("loom", proofText(word), previousEndsAt, change, at);
  const opens = (world: BooksWorld, word: string, at = now) =>
    world.accounts.check("client", "loom", [proofText(word)], undefined, at) !== null;
  const worldWith = (word: string) => {
    const world = new BooksWorld();
    changed(world, { ...secret(word), facts: client() });
    return world;
  };

  test("is kept by a second PUT, and told only to who made it", () => {
    const world = worldWith("a");
    expect(changed(world, { ...secret("b"), facts: client({ scopes: ["read"] }) }).hasTakenProof).toBe(false);
    expect([opens(world, "a"), opens(world, "b")]).toEqual([true, false]);
  });

  test("two live after a rotation, and after the next one the older is gone", () => {
    const world = worldWith("a");
    expect(rotate(world, "b")).toMatchObject({ hasTakenProof: true, events: [{ type: "audit" }] });
    expect([opens(world, "a"), opens(world, "b")]).toEqual([true, true]);
    rotate(world, "c");
    expect([opens(world, "a"), opens(world, "b"), opens(world, "c")]).toEqual([false, true, true]);
  });

  test("one that nobody ever used gives way: rotating again after a lost answer does not lock the program out", () => {
    const world = worldWith("running");
    expect(opens(world, "running")).toBe(true);
    for (const lost of ["lost 1", "lost 2", "lost 3", "got"]) rotate(world, lost);
    expect([opens(world, "running"), opens(world, "lost 3"), opens(world, "got")]).toEqual([true, false, true]);
  });

  test("the older one ends when it was said to, at once too", () => {
    const world = worldWith("a");
    rotate(world, "b", now + 10);
    expect([opens(world, "a", now + 9), opens(world, "a", now + 10)]).toEqual([true, false]);
    const other = worldWith("a");
    rotate(other, "b", now);
    expect([opens(other, "a"), opens(other, "b")]).toEqual([false, true]);
  });

  test("a call that comes twice is one rotation, and its first answer", () => {
    const world = worldWith("a");
    const first = rotate(world, "b");
    expect(rotate(world, "b", null, now + 5)).toEqual(first);
    expect([opens(world, "a"), opens(world, "b")]).toEqual([true, true]);
  });

  test("there is none of a public client, nor of one that is not there; becoming public ends what it had", () => {
    const world = worldWith("a");
    const answer = changed(world, { ...secret("b"), facts: client({ isPublic: true }) });
    expect(answer.hasTakenProof).toBe(false);
    expect(typesOf(answer)).toEqual(["audit", "revocation"]);
    expect(opens(world, "a")).toBe(false);
    expect(rotate(world, "c")).toEqual({ kind: "public" });
    expect(rotate(new BooksWorld(), "c")).toEqual({ kind: "missing" });
    expect(changed(world, { ...secret("d"), facts: client() }).hasTakenProof).toBe(true);
  });
});

describe("what a service says of its accounts", () => {
  test("is kept when it is new, ends no token, and is no password", () => {
    const world = new BooksWorld();
    expect(world.accounts.remember(settingsOf({ roles: ["a"] }), now)).toMatchObject({ version: 1, roles: ["a"] });
    const { writes } = world.ledger;
    expect(world.accounts.remember(settingsOf({ roles: ["a"] }), now + 1)).toMatchObject({ version: 1 });
    expect(world.ledger.writes).toBe(writes);
    expect(world.accounts.remember(settingsOf({ roles: ["b"] }), now + 2)).toMatchObject({ version: 2, roles: ["b"] });
    expect(world.owed).toEqual([]);
    expect(world.accounts.parametersOf("ada")).toBeNull();
  });

  test("does not open what an operator has closed, nor take a client's name", () => {
    const world = new BooksWorld();
    changed(world, { facts: { isDisabled: true } });
    changed(world, { facts: client() });
    expect(world.accounts.remember(settingsOf(), now)).toBeNull();
    expect(world.accounts.remember(settingsOf({ name: "loom" }), now)).toBeNull();
  });
});
