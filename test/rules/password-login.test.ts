/** Logging in with a name and a password: names and passwords in one spelling, the hash, and equal paths for all names. */
import { createHash, pbkdf2Sync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { PasswordTask } from "../../durable-objects/accounts/contract.ts";
import { guardedLogin } from "../../workers/account/account-login.ts";
import type { AccountsOf, AccountSource } from "../../workers/account/account-source.ts";
import { MeshAccounts } from "../../workers/account/mesh-accounts.ts";
import { accountNameOf, passwordOf } from "../../workers/account/names.ts";
import { hashPassword, onlyProof, passwordProofs, type Derive } from "../../workers/account/password-hash.ts";
import { decodeBase64url } from "../../workers/token/base64url.ts";
import { BooksWorld, settingsOf } from "../support/accounts-ledger.ts";
import { LoginWorld } from "./login-world.ts";

const now = 1_800_000_000_000;
const salt = "AAECAwQFBgcICQoLDA0ODw";

describe("names and passwords", () => {
  test.each([
    ["ada", "ada"],
    ["Ada", "Ada"],
    ["ada@example.com", "ada@example.com"],
    ["DOMAIN\\ada", "DOMAIN\\ada"],
    ["Ame\u0301lie", "Am\u00e9lie"],
    ["a".repeat(128), "a".repeat(128)],
    ["a".repeat(129), null],
    ["\u00e9".repeat(65), null],
    ["", null],
    [" ada", null],
    ["ada ", null],
    ["a\nb", null],
    ["a\u0085b", null],
    ["a\ud800", null],
    ["e\u0301".repeat(1_000_000), null],
  ])("the name %j is %j", (typed, name) => {
    expect(accountNameOf(typed)).toBe(name);
  });

  test("a password is the same in both spellings, and with any space; 1 to 1024 bytes", () => {
    const bytes = (text: string) => passwordOf(text)?.join();
    expect(bytes("cafe\u0301")).toBe(bytes("caf\u00e9"));
    expect(bytes("a\u00a0b\u3000c")).toBe(bytes("a b c"));
    expect(bytes(" lead")).not.toBe(bytes("lead"));
    expect(passwordOf("x".repeat(1_024))).toHaveLength(1_024);
    for (const none of ["", "x".repeat(1_025), "a\0b", "\udc00", "\u00e9".repeat(513)])
      expect(passwordOf(none)).toBeNull();
  });
});

describe("a password's proof", () => {
  test("is the digest of chained PBKDF2-HMAC-SHA-256 calls, as an independent implementation has it", async () => {
    const password = passwordOf("correct horse") ?? new Uint8Array();
    let key: Uint8Array = password;
    for (let round = 0; round < 3; round += 1) key = pbkdf2Sync(key, decodeBase64url(salt), 1_000, 32, "sha256");
    const expected = createHash("sha256").update(key).digest("base64url");
    expect(await onlyProof(password, { salt, iterations: 1_000, rounds: 3 })).toBe(expected);
    const further = await passwordProofs(password, { salt, iterations: 1_000 }, { rounds: [3, 5], allRounds: 7 });
    expect([...further.keys()]).toEqual([3, 5]);
    expect(further.get(3)).toBe(expected);
  });

  test("a new one has a salt of its own, and 100 000 iterations a call", async () => {
    const seen: number[] = [];
    const derive: Derive = async (secret, _salt, iterations) => {
      seen.push(iterations);
      return secret;
    };
    const password = passwordOf("p") ?? new Uint8Array();
    const made = await Promise.all([hashPassword(password, 2, derive), hashPassword(password, 2, derive)]);
    expect(new Set(made.map(({ parameters }) => parameters.salt)).size).toBe(2);
    expect(seen).toEqual([100_000, 100_000, 100_000, 100_000]);
  });
});

/** Accounts of one shard behind the edge's half; everything that takes time is counted. */
class Logins {
  readonly books = new BooksWorld();
  readonly steps: string[] = [];
  isSilent = false;
  rounds = 2;

  readonly derive: Derive = async (secret, saltBytes) => {
    this.steps.push("derive");
    return new Uint8Array(createHash("sha256").update(secret).update(saltBytes).digest());
  };

  get accountsOf(): AccountsOf {
    const step = <Answer>(name: string, answer: Answer): Promise<Answer> => {
      this.steps.push(name);
      return this.isSilent ? Promise.reject(new Error("gone")) : Promise.resolve(answer);
    };
    const { accounts } = this.books;
    return () => ({
      passwordParameters: async ({ name }) => {
        const known = accounts.parametersOf(name) ?? { salt, iterations: 100_000, rounds: 2 };
        return step<PasswordTask>("passwordParameters", { ...known, allRounds: accounts.allRounds() });
      },
      check: async ({ kind, name, proofs, renewed }) => {
        const facts = accounts.check(kind, name, proofs, renewed, now);
        return step("check", facts === null ? { kind: "wrong" as const } : { kind: "right" as const, facts });
      },
      facts: async ({ kind, name }) => {
        const facts = accounts.facts(kind, name);
        return step("facts", facts === null ? { kind: "missing" as const } : { kind: "found" as const, facts });
      },
      remember: () => Promise.reject(new Error("not of this source")),
    });
  }

  get source(): AccountSource {
    return new MeshAccounts({ accountsOf: this.accountsOf, rounds: this.rounds, derive: this.derive });
  }

  async add(name: string, password: string, rounds: number, isDisabled = false): Promise<void> {
    const proof = await hashPassword(passwordOf(password) ?? new Uint8Array(), rounds, this.derive);
    this.books.accounts.put({ v: 1, facts: settingsOf({ name, isDisabled }), proof, by: "t", requestId: "r" }, now);
    this.steps.length = 0;
  }

  async login(name: string, password: string) {
    this.steps.length = 0;
    const looked = await this.source.login(name, password, null);
    return { kind: looked.kind, steps: this.steps.join(" ") };
  }
}

describe("a login", () => {
  test("takes the same steps for every name: right, wrong, unknown, disabled, without a password, of old rounds", async () => {
    const logins = new Logins();
    await logins.add("ada", "right", 2);
    await logins.add("old", "right", 1);
    await logins.add("dear", "right", 5);
    await logins.add("off", "right", 2, true);
    logins.books.accounts.put({ v: 1, facts: settingsOf({ name: "none" }), by: "t", requestId: "r" }, now);
    const steps = `passwordParameters${" derive".repeat(5)} check`;
    for (const [name, password, kind] of [
      ["ada", "wrong", "wrong"],
      ["nobody", "right", "wrong"],
      ["off", "right", "wrong"],
      ["none", "right", "wrong"],
      ["old", "wrong", "wrong"],
      ["dear", "wrong", "wrong"],
      ["ada", "right", "right"],
      ["old", "right", "right"],
      ["dear", "right", "right"],
    ] as const) {
      expect([name, await logins.login(name, password)]).toEqual([name, { kind, steps }]);
    }
  });

  test("moves a password to the configured rounds, up and down, and it goes on being right", async () => {
    const logins = new Logins();
    await logins.add("ada", "right", 2);
    for (const rounds of [4, 1, 3]) {
      logins.rounds = rounds;
      expect((await logins.login("ada", "right")).kind).toBe("right");
      expect(logins.books.accounts.parametersOf("ada")?.rounds).toBe(rounds);
      expect((await logins.login("ada", "right")).kind).toBe("right");
      expect((await logins.login("ada", "wrong")).kind).toBe("wrong");
    }
  });

  test("a password that can be none costs nothing, and is wrong", async () => {
    const logins = new Logins();
    expect(await logins.login("ada", "x".repeat(1_025))).toEqual({ kind: "wrong", steps: "" });
  });
});

describe("L9 a guarded login", () => {
  const from = { address: "192.0.2.1" };

  test("L9 counts before it hashes: of many at once five are hashed", async () => {
    const [world, logins] = [new LoginWorld(), new Logins()];
    await logins.add("ada", "right", 2);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => guardedLogin(world.guard, logins.source, from, "ada", "wrong")),
    );
    expect(answers.filter(({ kind }) => kind === "wrong")).toHaveLength(5);
    expect(answers.filter(({ kind }) => kind === "refused")).toHaveLength(35);
    expect(logins.steps.filter((step) => step === "derive")).toHaveLength(10);
  });

  test("L9 two spellings of one name share their budget", async () => {
    const [world, logins] = [new LoginWorld(), new Logins()];
    const kinds: string[] = [];
    for (let index = 0; index < 8; index += 1) {
      const name = index % 2 === 0 ? "Am\u00e9lie" : "Ame\u0301lie";
      kinds.push((await guardedLogin(world.guard, logins.source, from, name, "wrong")).kind);
    }
    expect(kinds).toEqual([...Array<string>(5).fill("wrong"), ...Array<string>(3).fill("refused")]);
  });

  test("a right password gives its place back, and so does one that nobody could look at", async () => {
    const [world, logins] = [new LoginWorld(), new Logins()];
    await logins.add("ada", "right", 2);
    for (let index = 0; index < 12; index += 1) {
      expect((await guardedLogin(world.guard, logins.source, from, "ada", "right")).kind).toBe("right");
    }
    logins.isSilent = true;
    for (let index = 0; index < 12; index += 1) {
      expect(await guardedLogin(world.guard, logins.source, from, "ada", "right")).toEqual({ kind: "unreachable" });
    }
    logins.isSilent = false;
    expect((await guardedLogin(world.guard, logins.source, from, "ada", "right")).kind).toBe("right");
  });

  test("a name that nobody can have is wrong, and costs nothing", async () => {
    const [world, logins] = [new LoginWorld(), new Logins()];
    expect(await guardedLogin(world.guard, logins.source, from, "a\nb", "x")).toEqual({ kind: "wrong" });
    expect([world.calls, logins.steps]).toEqual([[], []]);
  });
});
