/** T7: codes and refresh tokens work once; what shows that somebody else has one ends the family. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkCode, checkGrant, checkUse } from "../../durable-objects/grants/checked-request.ts";
import type { CodeGrant, CodeUse, Grant } from "../../durable-objects/grants/contract.ts";
import { GrantBook } from "../../durable-objects/grants/grant-book.ts";
import type { FamilyRecord, GrantsLedger } from "../../durable-objects/grants/ledger.ts";
import type { NewEvent } from "../../durable-objects/log/contract.ts";

const hour = 3_600_000;
const rules = { issuer: "https://mesh.example.com", longestTokenMs: 24 * hour };

class MemoryLedger implements GrantsLedger {
  readonly rows = new Map<string, FamilyRecord>();

  transaction<Result>(work: () => Result): Result {
    return work();
  }

  find(family: string): FamilyRecord | null {
    return this.rows.get(family) ?? null;
  }

  save(record: FamilyRecord): void {
    this.rows.set(record.grant.family, record);
  }

  forget(now: number, most: number): void {
    const over = [...this.rows].filter(([, { keepUntil }]) => keepUntil <= now).slice(0, most);
    for (const [family] of over) this.rows.delete(family);
  }
}

function book() {
  const ledger = new MemoryLedger();
  const owed: NewEvent[] = [];
  return { ledger, owed, grants: new GrantBook(ledger, rules, (event) => owed.push(event)) };
}

const grant: Grant = {
  family: "f".repeat(22),
  subject: "alice",
  client: "app",
  scopes: ["read"],
  startedAt: 0,
  endsAt: 24 * hour,
};
const challenge = "c".repeat(43);
const code: CodeGrant = {
  ...grant,
  redirectUri: "https://app.example.com/",
  codeChallenge: challenge,
  codeEndsAt: 60_000,
};
const use: CodeUse = {
  family: grant.family,
  client: "app",
  redirectUri: code.redirectUri,
  codeChallenge: challenge,
  keepsFamily: true,
};
const refresh = (generation: number, graceMs = 0, client: string | null = "app") => ({
  family: grant.family,
  generation,
  client,
  graceMs,
});

describe("T7 an authorization code", () => {
  test("is good once; used again it ends the family, and the mesh is told once", () => {
    const { grants, owed } = book();
    grants.keepCode(code, 0);
    expect(grants.redeemCode(use, 1)).toEqual({ kind: "redeemed", grant });
    const again = grants.redeemCode(use, 2);
    expect(again).toMatchObject({ kind: "reused", events: [{ type: "revocation", data: { family: grant.family } }] });
    expect(owed).toHaveLength(1);
    expect(grants.refresh(refresh(1), 3)).toEqual({ kind: "refused" });
    expect(grants.redeemCode(use, 4)).toEqual({ kind: "refused" });
    expect(owed).toHaveLength(1);
  });

  test.each([
    ["another client", { client: "other" }],
    ["another redirect", { redirectUri: "https://app.example.com/other" }],
    ["another verifier", { codeChallenge: "d".repeat(43) }],
    ["another family", { family: "g".repeat(22) }],
  ])("with %s it is refused, and stays good for its owner, also after its use", (_what, changed) => {
    const { grants, owed } = book();
    grants.keepCode(code, 0);
    expect(grants.redeemCode({ ...use, ...changed }, 1)).toEqual({ kind: "refused" });
    expect(grants.redeemCode(use, 2)).toMatchObject({ kind: "redeemed" });
    expect(grants.redeemCode({ ...use, ...changed }, 3)).toEqual({ kind: "refused" });
    expect(owed).toEqual([]);
  });

  test("is refused at its end", () => {
    const { grants } = book();
    grants.keepCode(code, 0);
    expect(grants.redeemCode(use, 60_000)).toEqual({ kind: "refused" });
  });

  test("used again after its end, but while its tokens live, it still ends them", () => {
    const { grants } = book();
    grants.keepCode(code, 0);
    grants.redeemCode({ ...use, keepsFamily: false }, 1);
    expect(grants.redeemCode(use, hour)).toMatchObject({ kind: "reused" });
  });

  test("begins a family that ends when it says, though the code is remembered for longer", () => {
    const { grants, owed } = book();
    grants.keepCode(code, 0);
    grants.redeemCode(use, 1);
    expect(grants.refresh(refresh(1), grant.endsAt - 1)).toMatchObject({ kind: "refreshed", generation: 2 });
    for (const generation of [1, 2]) {
      expect(grants.refresh(refresh(generation), grant.endsAt)).toEqual({ kind: "refused" });
    }
    expect(owed).toEqual([]);
  });

  test("of which a use is peeked at is told what the use is told, and stays as it is", () => {
    const { grants, owed } = book();
    const others: readonly Partial<CodeUse>[] = [
      {},
      { client: "other" },
      { redirectUri: "https://app.example.com/other" },
      { codeChallenge: "d".repeat(43) },
    ];
    const would = (now: number) =>
      others.map((other) => {
        const seen = grants.peek(grant.family, now, { ...use, ...other });
        return seen.kind === "live" ? seen.would : seen.kind;
      });
    grants.keepCode(code, 0);
    expect(would(1)).toEqual(["good", "refused", "refused", "refused"]);
    expect(would(60_000)).toEqual(["refused", "refused", "refused", "refused"]);
    expect(grants.redeemCode(use, 59_999)).toMatchObject({ kind: "redeemed" });
    expect(would(60_000)).toEqual(["reused", "refused", "refused", "refused"]);
    expect(owed).toEqual([]);
  });

  test("without a family it gives no refresh token", () => {
    const { grants } = book();
    grants.keepCode(code, 0);
    grants.redeemCode({ ...use, keepsFamily: false }, 1);
    expect(grants.refresh(refresh(1), 2)).toEqual({ kind: "refused" });
  });

  test("is no refresh token, and a login's family no code", () => {
    const { grants } = book();
    grants.keepCode(code, 0);
    expect(grants.refresh(refresh(0), 1)).toEqual({ kind: "refused" });
    expect(grants.keepCode(code, 1)).toBe("conflict");
    const other = { ...grant, family: "h".repeat(22) };
    grants.begin(other, 0);
    expect(grants.redeemCode({ ...use, family: other.family }, 1)).toEqual({ kind: "refused" });
  });
});

describe("T7 refresh tokens", () => {
  test("each is good once; an older one ends the family for good", () => {
    const { grants, owed } = book();
    grants.begin(grant, 0);
    expect(grants.refresh(refresh(1), 1)).toMatchObject({ kind: "refreshed", generation: 2 });
    expect(grants.refresh(refresh(2), 2)).toMatchObject({ kind: "refreshed", generation: 3 });
    expect(grants.refresh(refresh(1), 3)).toMatchObject({ kind: "reused" });
    expect(grants.refresh(refresh(3), 4)).toEqual({ kind: "refused" });
    expect(grants.peek(grant.family, 4)).toEqual({ kind: "ended", events: owed });
    expect(owed).toHaveLength(1);
  });

  test("a retry within the grace gets the same successor, as often as it comes; without a grace there is none", () => {
    const { grants } = book();
    grants.begin(grant, 0);
    grants.refresh(refresh(1, 5_000), 1_000);
    expect(grants.refresh(refresh(1, 5_000), 1_000)).toMatchObject({ kind: "refreshed", generation: 2 });
    expect(grants.refresh(refresh(1, 5_000), 5_999)).toMatchObject({ kind: "refreshed", generation: 2 });
    expect(grants.refresh(refresh(1, 0), 6_000)).toMatchObject({ kind: "reused" });
  });

  test("two uses at the same millisecond without a grace: the second ends the family", () => {
    const { grants } = book();
    grants.begin(grant, 0);
    expect(grants.refresh(refresh(1), 1_000)).toMatchObject({ kind: "refreshed" });
    expect(grants.refresh(refresh(1), 1_000)).toMatchObject({ kind: "reused" });
  });

  test("the grace ends when the successor is used: then somebody else has the older one", () => {
    const { grants } = book();
    grants.begin(grant, 0);
    grants.refresh(refresh(1, 5_000), 1_000);
    grants.refresh(refresh(2, 5_000), 2_000);
    expect(grants.refresh(refresh(1, 5_000), 2_001)).toMatchObject({ kind: "reused" });
  });

  test("another client's is refused and harms nobody; so is a number that was never given", () => {
    const { grants } = book();
    grants.begin(grant, 0);
    expect(grants.refresh(refresh(1, 0, "other"), 1)).toEqual({ kind: "refused" });
    expect(grants.refresh(refresh(1, 0, null), 1)).toEqual({ kind: "refused" });
    for (const generation of [0, -1, 2, 99])
      expect(grants.refresh(refresh(generation), 1)).toEqual({ kind: "refused" });
    expect(grants.refresh(refresh(1), 2)).toMatchObject({ kind: "refreshed" });
  });

  test("none is good at the family's end, and a peek uses nothing up", () => {
    const { grants } = book();
    grants.begin(grant, 0);
    for (const now of [1, 2]) expect(grants.peek(grant.family, now)).toEqual({ kind: "live", grant, generation: 1 });
    expect(grants.peek(grant.family, grant.endsAt)).toEqual({ kind: "ended", events: [] });
    expect(grants.refresh(refresh(1), grant.endsAt)).toEqual({ kind: "refused" });
  });

  test("ending twice is one event, and one of nothing is none", () => {
    const { grants, owed } = book();
    grants.begin(grant, 0);
    expect(grants.end(grant.family, "alice", 5)).toEqual(grants.end(grant.family, "admin", 9));
    expect(owed).toHaveLength(1);
    expect(grants.end("unknown-family-000", "admin", 9)).toEqual([]);
  });

  test("rows go when nothing of them can be about, and no sooner", () => {
    const { grants, ledger } = book();
    grants.begin(grant, 0);
    const keepUntil = ledger.rows.get(grant.family)?.keepUntil ?? 0;
    expect(keepUntil).toBeGreaterThan(grant.endsAt + rules.longestTokenMs);
    grants.begin({ ...grant, family: "later-1-aaaaaaaaaaaaaa" }, keepUntil - 1);
    expect(ledger.rows.has(grant.family)).toBe(true);
    grants.begin({ ...grant, family: "later-2-aaaaaaaaaaaaaa" }, keepUntil);
    expect(ledger.rows.has(grant.family)).toBe(false);
  });

  test("T7 in no history is a number given to two uses beyond a retry, nothing is good after a reuse, and a peek says so before", () => {
    const step = fc.record({
      waitMs: fc.nat(3_000),
      generation: fc.integer({ min: 0, max: 8 }),
      graceMs: fc.constantFrom(0, 2_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { grants, owed } = book();
        grants.begin(grant, 0);
        let [now, current, rotatedAt, isEnded] = [0, 1, 0, false];
        for (const { waitMs, generation, graceMs } of steps) {
          now += waitMs;
          const seen = grants.peek(grant.family, now, refresh(generation, graceMs));
          const answer = grants.refresh(refresh(generation, graceMs), now);
          expect(seen.kind === "live" ? seen.would : "refused").toBe(
            answer.kind === "refreshed" ? "good" : answer.kind,
          );
          const isGood = generation === current;
          const isRetry = generation === current - 1 && generation >= 1 && now - rotatedAt < graceMs;
          const isKnown = generation >= 1 && generation <= current;
          if (isEnded || !isKnown) expect(answer.kind).toBe("refused");
          else if (isGood) expect(answer).toMatchObject({ kind: "refreshed", generation: current + 1 });
          else if (isRetry) expect(answer).toMatchObject({ kind: "refreshed", generation: current });
          else expect(answer.kind).toBe("reused");
          if (!isEnded && isGood) [current, rotatedAt] = [current + 1, now];
          isEnded ||= answer.kind === "reused";
        }
        expect(owed).toHaveLength(isEnded ? 1 : 0);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("what a Grants object is asked", () => {
  test.each([
    ["a family that is none", { family: "x" }],
    ["a family with another alphabet", { family: "../../../../../../etc" }],
    ["an end that is no instant", { endsAt: Number.NaN }],
    ["a subject without a name", { subject: "" }],
    ["a client without a name", { client: "" }],
    ["scopes that are no list", { scopes: "read" as unknown as readonly string[] }],
    ["scopes beyond number", { scopes: Array.from({ length: 257 }, (_, index) => `s${index}`) }],
  ])("with %s is a defect", (_what, changed) => {
    expect(() => checkGrant({ ...grant, ...changed })).toThrow("cannot take a grant: expected");
  });

  test("a code needs a challenge of PKCE, and a use a whole number", () => {
    expect(() => checkCode({ ...code, codeChallenge: "plain" })).toThrow("codeChallenge");
    expect(() => checkUse("refresh", { family: grant.family, generation: 1.5 })).toThrow("generation");
    expect(() => checkUse("refresh", { family: grant.family, generation: 1, graceMs: -1 })).toThrow("graceMs");
    checkCode(code);
    checkUse("redeem", use);
  });
});
