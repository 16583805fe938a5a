/** T4: which key signs, which is published for later, and how long one that signs no more still verifies. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  dueAt,
  endOf,
  rotationOf,
  signerOf,
  standingOf,
  upkeepOf,
  type KeyRules,
  type KeyStep,
  type PlannedKey,
} from "../../durable-objects/keyring/key-plan.ts";

const day = 86_400_000;
const rules: KeyRules = { algorithm: "ES256", rotateAfterMs: 90 * day, settleMs: 14_000, longestTokenMs: day };

/** The table, as the object keeps it. */
class Table {
  keys: PlannedKey[] = [];
  /** By key: the last token that it signed, ms. */
  readonly lastTokens = new Map<string, number>();
  #made = 0;

  apply(steps: readonly KeyStep[], ruled: KeyRules, now: number): void {
    for (const step of steps) {
      if (step.kind === "make") {
        this.#made += 1;
        const usedFrom = step.standing === "current" ? now : null;
        const { algorithm } = ruled;
        this.keys.push({ kid: `k${this.#made}`, purpose: "access", algorithm, madeAt: now, usedFrom, endsAt: null });
      } else if (step.kind === "drop") {
        this.keys = this.keys.filter(({ kid }) => kid !== step.kid);
      } else {
        this.keys = this.keys.map((key) => {
          if (key.kid === step.kid) return { ...key, usedFrom: now };
          return standingOf(key) === "current" ? { ...key, endsAt: endOf(ruled, now) } : key;
        });
      }
    }
  }

  keep(ruled: KeyRules, now: number): void {
    this.apply(upkeepOf(this.keys, ruled, now), ruled, now);
  }

  rotate(ruled: KeyRules, now: number): "rotated" | "too_soon" {
    const rotation = rotationOf(this.keys, ruled, now);
    if (rotation.kind === "too_soon") return "too_soon";
    this.apply(
      [
        { kind: "promote", kid: rotation.kid },
        { kind: "make", standing: "next" },
      ],
      ruled,
      now,
    );
    return "rotated";
  }

  standings(): readonly string[] {
    return this.keys.map(standingOf).toSorted();
  }
}

describe("T4 the keys of a set", () => {
  test("a new set has one key that signs and one for later, and nothing more is due", () => {
    const table = new Table();
    table.keep(rules, 0);
    expect(table.standings()).toEqual(["current", "next"]);
    expect(upkeepOf(table.keys, rules, 1)).toEqual([]);
    expect(dueAt(table.keys, rules)).toBe(90 * day);
  });

  test("the one key of an older mesh goes on signing, and gets a next one beside it", () => {
    const table = new Table();
    table.keys = [{ kid: "old", purpose: "access", algorithm: "ES256", madeAt: 0, usedFrom: 0, endsAt: null }];
    table.keep(rules, day);
    expect(signerOf(table.keys)?.kid).toBe("old");
    expect(table.standings()).toEqual(["current", "next"]);
  });

  test("a rotation waits until the next key is known everywhere, and says how long", () => {
    const table = new Table();
    table.keep(rules, 1_000);
    expect(rotationOf(table.keys, rules, 1_000)).toEqual({ kind: "too_soon", retryAfterMs: 14_000 });
    expect(table.rotate(rules, 15_000)).toBe("rotated");
    expect(rotationOf(table.keys, rules, 15_001)).toEqual({ kind: "too_soon", retryAfterMs: 13_999 });
  });

  test("a clock that was set back by a day holds up no rotation", () => {
    const table = new Table();
    table.keep(rules, 2 * day);
    expect(table.rotate(rules, day)).toBe("rotated");
  });

  test("a worn key is replaced by itself; with null never", () => {
    const table = new Table();
    table.keep(rules, 0);
    const first = signerOf(table.keys)?.kid;
    table.keep({ ...rules, rotateAfterMs: null }, 200 * day);
    expect(signerOf(table.keys)?.kid).toBe(first);
    table.keep(rules, 200 * day);
    expect(signerOf(table.keys)?.kid).not.toBe(first);
  });

  test("another algorithm makes a next key of its own, which signs once it is known everywhere", () => {
    const table = new Table();
    table.keep(rules, 0);
    const edwards = { ...rules, algorithm: "EdDSA" };
    table.keep(edwards, day);
    expect(signerOf(table.keys)?.algorithm).toBe("ES256");
    expect(table.keys.map(({ algorithm }) => algorithm)).toEqual(["ES256", "EdDSA"]);
    expect(dueAt(table.keys, edwards)).toBe(day + rules.settleMs);
    table.keep(edwards, day + rules.settleMs);
    expect(signerOf(table.keys)?.algorithm).toBe("EdDSA");
    expect(table.standings()).toEqual(["current", "next", "retiring"]);
  });

  test("when the key that signs is removed the next one signs at once", () => {
    const table = new Table();
    table.keep(rules, 0);
    const [first, next] = table.keys;
    table.apply([{ kind: "drop", kid: first?.kid ?? "" }], rules, 1);
    table.keep(rules, 1);
    expect(signerOf(table.keys)?.kid).toBe(next?.kid);
    expect(table.standings()).toEqual(["current", "next"]);
  });

  test("T4 no history of rotations, ages and removals takes a key away while a token of it may live, or signs with one that is news", () => {
    const step = fc.record({
      waitMs: fc.oneof(fc.nat(30_000), fc.nat(100 * day)),
      what: fc.constantFrom("sign", "sign", "keep", "rotate", "remove"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new Table();
        const removed = new Set<string>();
        let now = 1_000_000;
        table.keep(rules, now);
        const first = table.keys[0]?.kid;
        for (const { waitMs, what } of steps) {
          now += waitMs;
          table.keep(rules, now);
          if (what === "rotate") table.rotate(rules, now);
          const signer = signerOf(table.keys);
          if (signer === undefined) throw new Error("no key signs");
          if (what === "remove") {
            removed.add(signer.kid);
            table.apply([{ kind: "drop", kid: signer.kid }], rules, now);
            table.keep(rules, now);
          } else {
            table.lastTokens.set(signer.kid, now + rules.longestTokenMs);
            // Only where the one before was taken away may a key sign before everyone knows it.
            const isSettled = signer.kid === first || removed.size > 0 || now >= signer.madeAt + rules.settleMs;
            expect(isSettled).toBe(true);
          }
          expect(table.keys.filter((key) => standingOf(key) === "current")).toHaveLength(1);
          expect(table.keys.filter((key) => standingOf(key) === "next")).toHaveLength(1);
          const kept = new Set(table.keys.map(({ kid }) => kid));
          for (const [kid, endsAt] of table.lastTokens) {
            if (endsAt > now && !removed.has(kid)) expect(kept.has(kid)).toBe(true);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
