/** API keys at the edge: their text, where they are read, and how long their objects' word counts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { longestKeyCacheMs } from "../../durable-objects/accounts/contract.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { isApiKeyId, newApiKey, readApiKey } from "../../workers/account/api-key-text.ts";
import { ApiKeys } from "../../workers/account/api-keys.ts";
import { fieldsWithApiKey, presentedIn } from "../../workers/account/presented.ts";
import { proofOf } from "../../workers/account/proof.ts";
import type { Identity, Verdict } from "../../workers/token/identity.ts";
import { BooksWorld, settingsOf } from "../support/accounts-ledger.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const change = { by: "admin", requestId: "r" };
const context = { waitUntil: () => undefined };
const issuer = "urn:selvedge:test";

describe("an API key's text", () => {
  test("is read as it was written, and has one spelling", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 41, maxLength: 41 }), (bytes) => {
        let at = 0;
        const key = newApiKey((length) => bytes.slice(at, (at += length)));
        expect(key.text).toMatch(/^slv_[a-z2-7]{16}_[a-z2-7]{56}$/);
        expect(readApiKey(key.text)).toEqual({ id: key.id, secret: key.secret });
        expect(isApiKeyId(key.id)).toBe(true);
      }),
    );
  });

  test("one that was mistyped, cut off or put together of two is none: no call is made for it", () => {
    const { text } = newApiKey(random);
    const other = newApiKey(random);
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz234567_-. ".split("")),
        (at, put) => {
          fc.pre(text[at] !== put);
          expect(readApiKey(text.slice(0, at) + put + text.slice(at + 1))).toBeNull();
        },
      ),
      { numRuns: 1_000 },
    );
    for (let length = 0; length < text.length; length += 1) expect(readApiKey(text.slice(0, length))).toBeNull();
    for (const none of [`${text}a`, ` ${text}`, text.toUpperCase(), `slv_${other.id}_${text.slice(21)}`, ""]) {
      expect(readApiKey(none)).toBeNull();
    }
    const swaps = text
      .slice(21)
      .split("")
      .filter((character, index, all) => {
        const next = all[index + 1];
        if (next === undefined || next === character) return false;
        const swapped = text.slice(0, 21 + index) + next + character + text.slice(23 + index);
        return readApiKey(swapped) !== null;
      });
    expect(swaps).toEqual([]);
  });
});

describe("where a key is presented", () => {
  const head = (fields: Readonly<Record<string, string>>) => new Headers(fields);

  test.each<readonly [Readonly<Record<string, string>>, string, readonly string[]]>([
    [{}, "none", []],
    [{ authorization: "Bearer slv_x" }, "api_key", ["authorization"]],
    [{ authorization: "bearer  slv_x" }, "api_key", ["authorization"]],
    [{ authorization: "Bearer eyJ" }, "bearer", []],
    [{ authorization: "Basic c2x2Xw==" }, "other", []],
    [{ "x-api-key": "slv_x" }, "api_key", ["x-api-key"]],
    [{ "x-api-key": "the upstream's own" }, "none", []],
    [{ "x-api-key": "the upstream's own", authorization: "Bearer eyJ" }, "bearer", []],
    [{ "x-api-key": "slv_x", authorization: "" }, "api_key", ["x-api-key"]],
    [{ "x-api-key": "slv_x", authorization: "Bearer eyJ" }, "doubled", ["x-api-key"]],
    [{ "x-api-key": "slv_x", authorization: "Bearer slv_x" }, "doubled", ["x-api-key", "authorization"]],
    [{ "x-api-key": "slv_x", authorization: "Basic YTpi" }, "doubled", ["x-api-key"]],
    [{ "x-api-key": "slv_x, slv_y" }, "doubled", ["x-api-key"]],
    [{ "x-api-key": "other, slv_y" }, "doubled", ["x-api-key"]],
    [{ authorization: "Bearer eyJ, Bearer slv_x" }, "doubled", ["authorization"]],
    [{ authorization: "Basic YTpi, Bearer slv_x" }, "doubled", ["authorization"]],
  ])("%j is %s, and %j go to no upstream", (fields, kind, withheld) => {
    expect(presentedIn(head(fields)).kind).toBe(kind);
    expect(fieldsWithApiKey(head(fields))).toEqual(withheld);
  });
});

/** One shard that has all names, an edge before it, and what the edge hears of revocations. */
class KeyWorld {
  readonly books = new BooksWorld();
  now = 1_800_000_000_000;
  calls: string[] = [];
  current: true | Promise<boolean> = true;
  isSilent = false;
  readonly heard: { readonly revision: number; readonly fits: (names: TokenNames) => boolean }[] = [];
  region: "clear" | "revoked" | null = "clear";
  readonly keys: ApiKeys;

  constructor(mostKept?: number) {
    const { books } = this;
    const step = async <Answer>(name: string, answer: () => Answer): Promise<Answer> => {
      this.calls.push(name);
      if (this.isSilent) throw new Error("gone");
      return answer();
    };
    const heard = this.heard;
    this.keys = new ApiKeys({
      issuer,
      accountsOf: () => ({
        findKey: ({ id, proof }) =>
          step("findKey", () => {
            const facts = books.keys.find(id, proof, this.now);
            return facts === null ? { kind: "wrong" as const } : { kind: "found" as const, facts };
          }),
        facts: ({ kind, name }) =>
          step("facts", () => {
            const facts = books.accounts.facts(kind, name);
            const isUsable = facts !== null && !facts.isDisabled;
            return isUsable ? { kind: "found" as const, facts } : { kind: "missing" as const };
          }),
      }),
      current: () => this.current,
      revocations: {
        get revision() {
          return heard.length;
        },
        since: (names, revision) =>
          heard.some((one) => one.revision > revision && one.fits(names)) ? "revoked" : "clear",
        check: (names) => {
          if (heard.some(({ fits }) => fits(names))) return { kind: "revoked" };
          return this.region === null ? Promise.resolve(null) : { kind: this.region };
        },
      },
      clock: () => this.now,
      ...(mostKept === undefined ? {} : { mostKept }),
    });
  }

  hear(fits: (names: TokenNames) => boolean): void {
    this.heard.push({ revision: this.heard.length + 1, fits });
  }

  put(more: Parameters<typeof settingsOf>[0] = {}): void {
    this.books.accounts.put({ v: 1, facts: settingsOf(more), ...change }, this.now);
  }

  async key(more: { scopes?: readonly string[]; roles?: readonly string[]; expiresAt?: number } = {}) {
    const key = newApiKey(random);
    const found = this.books.accounts.facts("account", "ada");
    const owner = { kind: "account", name: "ada", since: found?.createdAt ?? 0 } as const;
    const { scopes = null, roles = null, expiresAt = null } = more;
    const facts = { id: key.id, label: "", owner, scopes, roles, expiresAt };
    this.books.keys.create(facts, await proofOf(key.secret), change, this.now);
    return key;
  }

  async ask(text: string): Promise<{ readonly code: string; readonly identity?: Identity; readonly calls: string }> {
    this.calls = [];
    const verdict: Verdict = await this.keys.verify(text, context, this.now);
    const calls = this.calls.join(" ");
    return verdict.kind === "accepted"
      ? { code: "ok", identity: verdict.identity, calls }
      : { code: verdict.code, calls };
  }
}

async function worldWithKey(more: Parameters<KeyWorld["key"]>[0] = {}, mostKept?: number) {
  const world = new KeyWorld(mostKept);
  world.put({ roles: ["editor", "admin"], scopes: ["read", "write"], tenant: "t1", claims: { plan: "pro" } });
  return { world, ...(await world.key(more)) };
}

const first = "findKey facts";

describe("an API key that is used", () => {
  test("gives its owner's identity after two calls, and then for a minute after none", async () => {
    const { world, text, id } = await worldWithKey();
    const { code, identity, calls } = await world.ask(text);
    expect([code, calls]).toEqual(["ok", first]);
    expect(identity).toMatchObject({
      issuer,
      subject: "ada",
      client: null,
      tenant: "t1",
      roles: ["editor", "admin"],
      scopes: ["read", "write"],
      claims: { sub: "ada", jti: id, plan: "pro" },
    });
    world.now += longestKeyCacheMs - 1;
    expect(await world.ask(text)).toMatchObject({ code: "ok", calls: "" });
    world.now += 1;
    expect(await world.ask(text)).toMatchObject({ code: "ok", calls: first });
  });

  test("gives no more than it was given, and no more than its owner has", async () => {
    const { world, text } = await worldWithKey({ scopes: ["read", "mesh:admin"], roles: ["editor"] });
    expect((await world.ask(text)).identity).toMatchObject({ scopes: ["read"], roles: ["editor"] });
  });

  test("costs one call when its secret is wrong, none when it is no key, and none again for a while", async () => {
    const { world, id } = await worldWithKey();
    const wrong = newApiKey((length) => (length === 10 ? new Uint8Array(10) : random(length)));
    expect(await world.ask(wrong.text)).toEqual({ code: "token_invalid", calls: "findKey" });
    expect(await world.ask(wrong.text)).toEqual({ code: "token_invalid", calls: "" });
    expect(await world.ask(`slv_${id}_${"a".repeat(56)}`)).toEqual({ code: "token_invalid", calls: "" });
    world.now += 5_000;
    expect((await world.ask(wrong.text)).calls).toBe("findKey");
  });

  test("T3 is refused from the moment that its removal is heard of, and not before that is asked anew", async () => {
    const { world, text, id } = await worldWithKey();
    await world.ask(text);
    world.books.keys.remove(id, change, world.now);
    world.hear((names) => names.jti === id && names.issuer === issuer);
    expect(await world.ask(text)).toEqual({ code: "token_invalid", calls: "findKey" });
  });

  test("T3 is refused while a revocation names it by itself, although its objects know it", async () => {
    const { world, text, id } = await worldWithKey();
    world.hear((names) => names.jti === id);
    expect(await world.ask(text)).toEqual({ code: "token_revoked", calls: first });
    expect(await world.ask(text)).toEqual({ code: "token_revoked", calls: "" });
  });

  test("has the new rights of its owner as soon as their change is heard of, and is not refused for it", async () => {
    const { world, text } = await worldWithKey();
    await world.ask(text);
    world.now += 2_000;
    world.put({ roles: ["reader"] });
    const [changedAt] = [world.now];
    world.hear((names) => names.subject === "ada" && (names.issuedFrom ?? 0) <= changedAt);
    expect(await world.ask(text)).toMatchObject({ code: "ok", calls: first, identity: { roles: ["reader"] } });
    expect(await world.ask(text)).toMatchObject({ code: "ok", calls: "" });
  });

  test("T3 an answer that was on its way when a change was heard of counts for that request only", async () => {
    const { world, text } = await worldWithKey();
    const asked = world.keys.verify(text, context, world.now);
    const changedAt = world.now;
    world.hear((names) => names.subject === "ada" && (names.issuedFrom ?? 0) <= changedAt);
    expect((await asked).kind).toBe("accepted");
    expect((await world.ask(text)).calls).toBe(first);
  });

  test("is refused when its owner is gone, disabled, or another one of the same name", async () => {
    const { world, text } = await worldWithKey();
    world.put({ isDisabled: true });
    expect((await world.ask(text)).code).toBe("token_invalid");
    world.now += 10_000;
    world.books.accounts.remove("account", "ada", change, world.now);
    expect((await world.ask(text)).code).toBe("token_invalid");
    world.now += 10_000;
    world.put({ roles: ["admin"] });
    expect(await world.ask(text)).toEqual({ code: "token_invalid", calls: first });
  });

  test("ends with its own end and with its owner's", async () => {
    const { world, text } = await worldWithKey({ expiresAt: 1_800_000_000_000 + 10_000 });
    expect((await world.ask(text)).identity?.expiresAt).toBe(1_800_000_010);
    world.now += 10_000;
    expect(await world.ask(text)).toEqual({ code: "token_invalid", calls: "findKey" });
    const other = await worldWithKey();
    other.world.put({ expiresAt: other.world.now + 10_000 });
    await other.world.ask(other.text);
    other.world.now += 10_000;
    expect((await other.world.ask(other.text)).calls).toBe(first);
  });

  test("T6 has no verdict without a current view, nor where its objects or the regions are silent", async () => {
    const { world, text } = await worldWithKey();
    await world.ask(text);
    world.current = Promise.resolve(false);
    expect(await world.ask(text)).toEqual({ code: "not_current", calls: "" });
    world.current = Promise.resolve(true);
    expect(await world.ask(text)).toMatchObject({ code: "ok", calls: "" });
    world.now += longestKeyCacheMs;
    world.region = null;
    expect((await world.ask(text)).code).toBe("not_current");
    world.isSilent = true;
    expect((await world.ask(text)).code).toBe("not_current");
  });

  test("a clock that was set back makes it ask anew", async () => {
    const { world, text } = await worldWithKey();
    await world.ask(text);
    world.now -= 1;
    expect((await world.ask(text)).calls).toBe(first);
  });

  test("memory is bounded: the one that was asked for longest ago goes first", async () => {
    const { world, text } = await worldWithKey({}, 3);
    await world.ask(text);
    for (let index = 0; index < 10; index += 1) {
      const { text: further } = await world.key();
      await world.ask(further);
      expect(world.keys.count).toBeLessThanOrEqual(3);
    }
    expect((await world.ask(text)).calls).toBe(first);
  });
});
