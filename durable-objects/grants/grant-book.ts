/**
 * What may be done with codes and refresh tokens (T7). Pure but for its ledger: `now` is an argument, and an event that
 * is owed goes to `owe` within the transaction that decides it.
 *
 * A family is ended by whatever shows that a second party has one of its secrets: a code or a refresh token that comes
 * again. Who comes again cannot be told from who came first, so both are out (RFC 9700 section 4.14.2).
 */
import type { NewEvent } from "../log/contract.ts";
import type { CodeGrant, CodeUse, Grant, Peeked, Redeemed, Refreshed, RefreshUse, Would } from "./contract.ts";
import type { CodeRecord, FamilyRecord, GrantsLedger } from "./ledger.ts";

export interface GrantRules {
  readonly issuer: string;
  /** The longest life of an access token, ms. */
  readonly longestTokenMs: number;
}

/** Clocks of two hosts may be 250 ms apart, and `exp` has whole seconds. */
const afterLastTokenMs = 2_000;
/** Rows that one call tidies away: more than it can add. */
const forgottenAtOnce = 4;

export class GrantBook {
  readonly #ledger: GrantsLedger;
  readonly #rules: GrantRules;
  readonly #owe: (event: NewEvent) => void;

  constructor(ledger: GrantsLedger, rules: GrantRules, owe: (event: NewEvent) => void) {
    this.#ledger = ledger;
    this.#rules = rules;
    this.#owe = owe;
  }

  keepCode({ redirectUri, codeChallenge, codeEndsAt, ...grant }: CodeGrant, now: number): "kept" | "conflict" {
    const code: CodeRecord = { redirectUri, codeChallenge, codeEndsAt, usedAt: null };
    return this.#insert(grant, { code, generation: 0 }, now) ? "kept" : "conflict";
  }

  begin(grant: Grant, now: number): "begun" | "conflict" {
    return this.#insert(grant, { code: null, generation: 1 }, now) ? "begun" : "conflict";
  }

  redeemCode(use: CodeUse, now: number): Redeemed {
    const record = this.#living(use.family, now);
    if (record === null || record.code === null) return refused;
    const { code, grant } = record;
    switch (codeWould(record, use, now)) {
      case "refused":
        return refused;
      case "reused":
        return { kind: "reused", events: this.#end(record, "code_reuse", now) };
      case "good":
        this.#save({
          ...record,
          code: { ...code, usedAt: now },
          generation: use.keepsFamily ? 1 : 0,
          rotatedAt: now,
        });
        return { kind: "redeemed", grant };
    }
  }

  refresh(use: RefreshUse, now: number): Refreshed {
    const record = this.#living(use.family, now);
    if (record === null) return refused;
    const { grant, generation } = record;
    switch (refreshWould(record, use, now)) {
      case "refused":
        return refused;
      case "reused":
        return { kind: "reused", events: this.#end(record, "refresh_reuse", now) };
      case "good":
        if (use.generation < generation) return { kind: "refreshed", grant, generation };
        this.#save({ ...record, generation: generation + 1, rotatedAt: now });
        return { kind: "refreshed", grant, generation: generation + 1 };
    }
  }

  /** Of `use` it says what the same call would be told that makes it. */
  peek(family: string, now: number, use?: CodeUse | RefreshUse): Peeked {
    const record = this.#living(family, now);
    if (record === null) {
      const ended = this.#ledger.find(family)?.ended ?? null;
      return { kind: "ended", events: ended === null ? [] : [ended] };
    }
    const { grant, generation } = record;
    const seen = { kind: "live", grant, generation } as const;
    if (use === undefined) return seen;
    return { ...seen, would: "generation" in use ? refreshWould(record, use, now) : codeWould(record, use, now) };
  }

  /** Twice is once: the second call owes nothing new, and is given the same event. */
  end(family: string, by: string, now: number): readonly NewEvent[] {
    const record = this.#ledger.find(family);
    if (record === null) return [];
    return record.ended === null ? this.#end(record, by, now) : [record.ended];
  }

  #insert(grant: Grant, made: Pick<FamilyRecord, "code" | "generation">, now: number): boolean {
    return this.#ledger.transaction(() => {
      this.#ledger.forget(now, forgottenAtOnce);
      if (this.#ledger.find(grant.family) !== null) return false;
      const last = Math.max(grant.endsAt, made.code?.codeEndsAt ?? 0);
      const keepUntil = last + this.#rules.longestTokenMs + afterLastTokenMs;
      this.#ledger.save({ grant, ...made, rotatedAt: now, ended: null, keepUntil });
      return true;
    });
  }

  #end(record: FamilyRecord, by: string, now: number): readonly NewEvent[] {
    const { family } = record.grant;
    const { issuer, longestTokenMs } = this.#rules;
    const endsAt = now + longestTokenMs + afterLastTokenMs;
    const event: NewEvent = {
      id: `family-${family}`,
      type: "revocation",
      data: { family, issuer, endsAt, by, since: now, isFinal: true },
    };
    this.#ledger.transaction(() => {
      this.#ledger.save({ ...record, ended: event });
      this.#owe(event);
    });
    return [event];
  }

  #living(family: string, now: number): FamilyRecord | null {
    const record = this.#ledger.find(family);
    if (record === null || record.ended !== null) return null;
    // A code that was used may come again for as long as a token of it lives.
    return now < (record.code === null ? record.grant.endsAt : record.keepUntil) ? record : null;
  }

  #save(record: FamilyRecord): void {
    this.#ledger.transaction(() => this.#ledger.save(record));
  }
}

const refused = { kind: "refused" } as const;

function codeWould({ code, grant }: FamilyRecord, use: CodeUse, now: number): Would {
  // Who does not know the verifier learns nothing of the code, and ends nobody's session with it.
  if (code?.redirectUri !== use.redirectUri || code.codeChallenge !== use.codeChallenge) return "refused";
  if (grant.client !== use.client) return "refused";
  if (code.usedAt !== null) return "reused";
  return now < code.codeEndsAt ? "good" : "refused";
}

function refreshWould(record: FamilyRecord, { generation, client, graceMs }: RefreshUse, now: number): Would {
  const { grant } = record;
  const isKnown = generation >= 1 && generation <= record.generation;
  if (grant.client !== client || !isKnown || now >= grant.endsAt) return "refused";
  return generation === record.generation || isRetry(record, generation, graceMs, now) ? "good" : "reused";
}

/** Its answer was lost: the one who used the newest but one gets the newest again, unless that was used already. */
function isRetry({ generation, rotatedAt }: FamilyRecord, asked: number, graceMs: number, now: number): boolean {
  return asked === generation - 1 && now >= rotatedAt && now - rotatedAt < graceMs;
}
