/** What may be done with API keys. Pure but for its ledger, like the book of accounts. */
import type { NewEvent } from "../log/contract.ts";
import { lostAnswerMs, type BookPorts } from "./account-book.ts";
import type { ApiKeyFacts, Change, Proof } from "./contract.ts";
import { audit, keyEnds, type Occasion } from "./events.ts";
import type { ApiKeyRecord, DoneLately } from "./ledger.ts";
import { isSame } from "./record.ts";

type KeyDone = Extract<DoneLately, { readonly facts: ApiKeyFacts }>;
type Owed = { readonly facts: ApiKeyFacts; readonly events: readonly NewEvent[] };

const minuteMs = 60_000;
/** Of one owner in one shard. */
const mostOfOwner = 100;
const forgottenAtOnce = 4;
/** What is compared where there is nothing to compare. */
const noProof = "-".repeat(43);

export class ApiKeyBook {
  readonly #ports: BookPorts;

  constructor(ports: BookPorts) {
    this.#ports = ports;
  }

  create(
    given: Omit<ApiKeyFacts, "createdAt" | "usedAt">,
    proof: Proof,
    change: Change,
    now: number,
  ): ({ readonly kind: "created" } & Owed) | { readonly kind: "conflict" | "full" } {
    const { ledger } = this.#ports;
    return ledger.transaction(() => {
      const target = targetOf(given.id);
      const known = ledger.key(given.id);
      if (known !== null) {
        const done = this.#doneLately(target, "key_created", now);
        const isAgain = done !== null && isSame(known.proof, proof);
        return isAgain ? { kind: "created", facts: done.facts, events: done.events } : { kind: "conflict" };
      }
      const { name } = given.owner;
      if (ledger.isFull() || ledger.keys(name, "", mostOfOwner).length >= mostOfOwner) return { kind: "full" };
      const facts: ApiKeyFacts = { ...given, createdAt: now, usedAt: null };
      const events = [audit("key_created", target, { before: null, after: facts }, this.#on(change, now))];
      ledger.saveKey({ facts, proof });
      this.#done(target, { kind: "key_created", at: now, facts, events });
      return { kind: "created", facts, events };
    });
  }

  facts(id: string): ApiKeyFacts | null {
    return this.#ports.ledger.key(id)?.facts ?? null;
  }

  /** null: unknown, wrong or past its end. A use is noted once a minute: a busy key is not a write for every call. */
  find(id: string, proof: Proof, now: number): ApiKeyFacts | null {
    const { ledger } = this.#ports;
    const record = ledger.key(id);
    const isRight = isSame(record?.proof ?? noProof, proof);
    if (record === null || !isRight || hasEnded(record, now)) return null;
    const usedAt = now - (now % minuteMs);
    if (record.facts.usedAt !== null && record.facts.usedAt >= usedAt) return record.facts;
    const facts = { ...record.facts, usedAt };
    ledger.saveKey({ ...record, facts });
    return facts;
  }

  remove(
    id: string,
    change: Change,
    now: number,
  ): ({ readonly kind: "removed" } & Owed) | { readonly kind: "missing" } {
    const { ledger } = this.#ports;
    return ledger.transaction(() => {
      const target = targetOf(id);
      const record = ledger.key(id);
      if (record === null) {
        const done = this.#doneLately(target, "key_removed", now);
        return done === null ? { kind: "missing" } : { kind: "removed", facts: done.facts, events: done.events };
      }
      const { facts } = record;
      const on = this.#on(change, now);
      const events = [audit("key_removed", target, { before: facts, after: null }, on), keyEnds(id, on)];
      ledger.deleteKey(id);
      this.#done(target, { kind: "key_removed", at: now, facts, events });
      return { kind: "removed", facts, events };
    });
  }

  list(owner: string | null, after: string | null, limit: number): readonly ApiKeyFacts[] {
    return this.#ports.ledger.keys(owner, after ?? "", limit);
  }

  #doneLately(target: string, kind: KeyDone["kind"], now: number): KeyDone | null {
    const done = this.#ports.ledger.doneLately(target);
    return done !== null && "facts" in done && done.kind === kind && now - done.at < lostAnswerMs ? done : null;
  }

  #done(target: string, done: KeyDone): void {
    const { ledger, owe } = this.#ports;
    ledger.forgetDone(done.at - lostAnswerMs, forgottenAtOnce);
    ledger.saveDone(target, done);
    for (const event of done.events) owe(event);
  }

  #on({ by, requestId }: Change, now: number): Occasion {
    const { settings, newId } = this.#ports;
    return { by, requestId, now, newId, issuer: settings.issuer, longestTokenMs: settings.longestTokenMs };
  }
}

function hasEnded({ facts }: ApiKeyRecord, now: number): boolean {
  return facts.expiresAt !== null && now >= facts.expiresAt;
}

function targetOf(id: string): string {
  return `key:${id}`;
}
