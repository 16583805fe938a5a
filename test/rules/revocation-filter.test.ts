/** T3, T6: the filter that spares edges the exact records, and the Region's table that it is made of. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MeshEvent } from "../../durable-objects/log/contract.ts";
import { RevocationTable } from "../../durable-objects/region/revocation-table.ts";
import type { RevocationData, RevocationTarget, TokenNames } from "../../durable-objects/revocations/contract.ts";
import { KeyFilter } from "../../durable-objects/revocations/key-filter.ts";
import { fits, keyOfTarget, keysOfToken, nameClasses } from "../../durable-objects/revocations/naming.ts";
import { start } from "../support/log-parts.ts";
import { MemoryRevocations } from "../support/memory-revocations.ts";

const hour = 3_600_000;

function event(seq: number, target: Partial<RevocationData>, id = `r${seq}`): MeshEvent {
  const data = { endsAt: start + hour, by: "test", since: start, ...target };
  return { v: 1, seq, id, type: "revocation", data, at: start };
}

function lift(seq: number, id: string): MeshEvent {
  return { v: 1, seq, id: `lift-${seq}`, type: "revocation_lifted", data: { id }, at: start };
}

function names(more: Partial<TokenNames> = {}): TokenNames {
  return { issuer: "i", subject: "ada", jti: "j", issuedFrom: start, ...more };
}

const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });
const target = fc.record(Object.fromEntries(nameClasses.map((nameClass) => [nameClass, text])), {
  requiredKeys: [],
}) as fc.Arbitrary<RevocationTarget>;

describe("a key", () => {
  test("a token has the key of every revocation that fits it", () => {
    fc.assert(
      fc.property(target, fc.record({ issuer: text, subject: text, jti: text, kid: text }), (extra, own) => {
        const token: TokenNames = { ...own, ...extra, issuedFrom: null };
        for (const nameClass of nameClasses) {
          const name = token[nameClass];
          if (name === undefined) continue;
          const revocation = { [nameClass]: name, issuer: token.issuer };
          expect(fits(revocation, token)).toBe(true);
          expect(keysOfToken(token)).toContain(keyOfTarget(revocation));
        }
      }),
    );
  });

  test("is a whole number that a row and a number hold exactly, and stays what it is", () => {
    expect(keyOfTarget({ jti: "j-1" })).toBe(keyOfTarget({ jti: "j-1", subject: "ada" }));
    expect(keyOfTarget({ jti: "x" })).not.toBe(keyOfTarget({ family: "x" }));
    // Rows and filters of other versions have these.
    expect(keyOfTarget({ jti: "j-1" })).toBe(4875936077993537);
    expect(keyOfTarget({ subject: "Ада 🧵" })).toBe(643318492074352);
    fc.assert(fc.property(text, (jti) => Number.isSafeInteger(keyOfTarget({ jti }))));
  });

  test("two of 200 000 names do not share one", () => {
    const keys = new Set<number>();
    for (let index = 0; index < 200_000; index += 1) keys.add(keyOfTarget({ subject: `user-${index}` }));
    expect(keys.size).toBe(200_000);
  });
});

describe("a filter", () => {
  test("has every key that was put in, whatever its size", () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat(), { maxLength: 400 }), fc.nat(200), (keys, room) => {
        const filter = KeyFilter.forKeys(room);
        for (const key of keys) filter.add(key);
        const copy = KeyFilter.of(filter.data());
        for (const key of keys) expect(copy?.mayHave(key)).toBe(true);
      }),
    );
  });

  test.each([1_000, 100_000])(
    "of %i keys says perhaps to fewer than one in 1000 others, at 2 to 4 bytes a key",
    (count) => {
      const filter = KeyFilter.forKeys(count);
      for (let index = 0; index < count; index += 1) filter.add(keyOfTarget({ jti: `revoked-${index}` }));
      let perhaps = 0;
      for (let index = 0; index < 200_000; index += 1) {
        if (filter.mayHave(keyOfTarget({ jti: `other-${index}` }))) perhaps += 1;
      }
      console.info(`${count} keys in ${filter.byteLength} bytes: ${perhaps} of 200 000 others are asked about`);
      expect(perhaps).toBeLessThan(200);
      expect(filter.byteLength).toBeLessThanOrEqual(4 * count + 128);
    },
  );

  test("is never bigger than 2 MB", () => {
    expect(KeyFilter.forKeys(10_000_000).byteLength).toBe(2_000_000);
  });

  test.each([
    { form: 2, keys: 1, bytes: new Uint8Array(64) },
    { form: 1, keys: 1, bytes: new Uint8Array(0) },
  ])("of another form is not used: %j", (data) => {
    expect(KeyFilter.of(data as never)).toBeNull();
  });
});

describe("a Region's table", () => {
  test("T3 finds what names a token, by any of its names, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(target, { maxLength: 30 }), fc.array(target, { maxLength: 10 }), (revoked, tokens) => {
        const table = new RevocationTable(new MemoryRevocations());
        const fitting = revoked.filter((one) => Object.keys(one).length > 0);
        for (const [index, one] of revoked.entries()) table.apply(event(index + 1, one));
        for (const one of [...tokens, ...revoked]) {
          const token = { issuer: "", ...one, issuedFrom: null };
          expect(table.match(token) !== null).toBe(fitting.some((each) => fits(each, token)));
        }
      }),
    );
  });

  test("keeps what holds over the same event again, and forgets what was lifted", () => {
    const table = new RevocationTable(new MemoryRevocations());
    for (const each of [event(1, { jti: "j" }), event(1, { jti: "j" })]) table.apply(each);
    expect(table.match(names())).toMatchObject({ id: "r1" });
    table.apply(lift(2, "another"));
    expect(table.match(names())).not.toBeNull();
    table.apply(lift(3, "r1"));
    expect(table.match(names())).toBeNull();
  });

  test("an event that it cannot read names nobody, and one with more than it knows names more", () => {
    const table = new RevocationTable(new MemoryRevocations());
    for (const data of [null, 7, {}, { jti: 7, endsAt: start }, { jti: "j" }, { jti: "j", endsAt: "soon" }]) {
      table.apply({ ...event(1, {}), data });
    }
    expect(table.count).toBe(0);
    table.apply({ ...event(2, {}), data: { jti: "j", device: "d", endsAt: start + hour } });
    expect(table.match(names())).not.toBeNull();
  });

  test("rows go when they have ended, a minute later and not sooner, and what holds stays", () => {
    const table = new RevocationTable(new MemoryRevocations());
    table.apply(event(1, { jti: "j", endsAt: start + 1_000 }));
    table.apply(event(2, { subject: "bob" }));
    table.sweep(start + 60_000);
    expect(table.match(names())).not.toBeNull();
    table.sweep(start + 200_000);
    expect(table.match(names())).toBeNull();
    expect(table.match(names({ subject: "bob" }))).not.toBeNull();
    expect(table.count).toBe(1);
  });

  test("T6 its filter has every key, also those that come while it is made, and is made anew when most has ended", () => {
    const ledger = new MemoryRevocations();
    const table = new RevocationTable(ledger);
    const revoke = (from: number, to: number, endsAt: number) => {
      for (let seq = from; seq <= to; seq += 1) table.apply(event(seq, { jti: `j${seq}`, endsAt }));
    };
    revoke(1, 45_000, start + 1_000);
    let steps = 1;
    let data = table.filterStep();
    while (data === null) {
      revoke(45_000 + steps, 45_000 + steps, start + hour);
      data = table.filterStep();
      steps += 1;
    }
    expect(steps).toBe(3);
    const filter = KeyFilter.of(data);
    for (const { key } of ledger.rows.values()) expect(filter?.mayHave(key)).toBe(true);
    expect(table.smallFilter()).toBeNull();
    for (let slice = 0; slice < 46; slice += 1) table.sweep(start + 200_000);
    expect(table.count).toBe(2);
    const anew = table.filterStep();
    expect(anew?.keys).toBe(2);
    expect(anew?.bytes.length).toBeLessThan(200);
    expect(table.smallFilter()).toEqual(anew);
  });

  test("lists in the order of ids, a page at a time, without what has ended", () => {
    const table = new RevocationTable(new MemoryRevocations());
    for (const id of ["c", "a", "b"]) table.apply(event(1, { jti: id }, id));
    table.apply(event(1, { jti: "d", endsAt: start }, "d"));
    const first = table.list("", 2, start);
    expect([first.items.map(({ id }) => id), first.isLast]).toEqual([["a", "b"], false]);
    const second = table.list("b", 2, start);
    expect([second.items.map(({ id }) => id), second.isLast]).toEqual([["c"], true]);
    expect(table.find("a", start)).toMatchObject({ data: { jti: "a" } });
    expect(table.find("d", start)).toBeNull();
  });
});
