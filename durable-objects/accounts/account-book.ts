/**
 * What may be done with accounts and clients. Pure but for its ledger: `now` is an argument, and an event that is owed
 * goes to `owe` within the transaction that decides it.
 */
import type { NewEvent } from "../log/contract.ts";
import { changedBy, lostBy, rememberedAs, rotated, type Changed } from "./change.ts";
import type {
  AccountChanged,
  AccountFacts,
  AccountKind,
  AccountRefused,
  AccountsSettings,
  AccountSettings,
  Change,
  PasswordParameters,
  PasswordProof,
  Proof,
  PutAccount,
} from "./contract.ts";
import { audit, tokensEnd, type Occasion } from "./events.ts";
import type { AccountsLedger } from "./ledger.ts";
import { isSame, isUsable, secretProven, type AccountRecord } from "./record.ts";

export interface BookPorts {
  readonly ledger: AccountsLedger;
  readonly settings: Pick<AccountsSettings, "issuer" | "longestTokenMs" | "passwords">;
  readonly owe: (event: NewEvent) => void;
  readonly newId: () => string;
}

/** How long a caller may be asking for an answer that was lost, ms. */
export const lostAnswerMs = 300_000;
/** Rows that one change tidies away: more than it adds. */
const forgottenAtOnce = 4;

export class AccountBook {
  readonly #ports: BookPorts;

  constructor(ports: BookPorts) {
    this.#ports = ports;
  }

  /** null where there is no password to check. */
  parametersOf(name: string): PasswordParameters | null {
    return this.#ports.ledger.account("account", name)?.parameters ?? null;
  }

  allRounds(): number {
    const { ledger, settings } = this.#ports;
    return Math.max(settings.passwords.rounds, ledger.mostRounds());
  }

  check(
    kind: AccountKind,
    name: string,
    proofs: readonly Proof[],
    renewed: PasswordProof | undefined,
    now: number,
  ): AccountFacts | null {
    const { ledger } = this.#ports;
    const record = ledger.account(kind, name);
    const proven = secretProven(record, proofs, now);
    if (record === null || proven === null) return null;
    if (proven === "newest" && kind === "client" && !record.isProofUsed) {
      ledger.saveAccount({ ...record, isProofUsed: true });
    }
    if (proven === "newest" && renewed !== undefined && isRenewal(record, renewed)) {
      ledger.saveAccount({ ...record, ...renewed });
    }
    return record.facts;
  }

  facts(kind: AccountKind, name: string): AccountFacts | null {
    return this.#ports.ledger.account(kind, name)?.facts ?? null;
  }

  put(request: PutAccount, now: number): AccountChanged | AccountRefused {
    const { ledger } = this.#ports;
    const { kind, name } = request.facts;
    return ledger.transaction(() => {
      if (ledger.account(kind === "account" ? "client" : "account", name) !== null) return refusedFor("name_taken");
      const before = ledger.account(kind, name);
      const change = changedBy(before, request, now);
      // Before the version is looked at: a change that was made already is told so (RFC 9110 section 13.1.1).
      if (change === null && before !== null) return this.#again(before.facts, now);
      if (change === null || (request.ifVersion ?? versionOf(before)) !== versionOf(before))
        return refusedFor("version");
      if (before === null && ledger.isFull()) return refusedFor("full");
      const setting = before === null ? null : lostBy(before.facts, request);
      if (setting !== null) return { kind: "conflict", reason: "unsaid", setting };
      return this.#save(before, change, `${kind}_${before === null ? "created" : "changed"}`, this.#on(request, now));
    });
  }

  /** null: it may not log in here. */
  remember(facts: AccountSettings, now: number): AccountFacts | null {
    const { ledger } = this.#ports;
    return ledger.transaction(() => {
      const before = ledger.account(facts.kind, facts.name);
      if (before !== null && !isUsable(before.facts, now)) return null;
      if (before === null && (ledger.account("client", facts.name) !== null || ledger.isFull())) return null;
      // What an operator has set here stays.
      const expiresAt = before?.facts.expiresAt ?? null;
      const record = rememberedAs(before, { ...facts, expiresAt }, now);
      if (record !== null) ledger.saveAccount(record);
      return record?.facts ?? before?.facts ?? null;
    });
  }

  remove(kind: AccountKind, name: string, change: Change, now: number): AccountChanged | { readonly kind: "missing" } {
    const { ledger } = this.#ports;
    return ledger.transaction(() => {
      const before = ledger.account(kind, name);
      const target = `${kind}:${name}`;
      if (before === null) {
        const done = this.#doneLately(target, now);
        return done?.kind === "removed" ? done.answer : { kind: "missing" };
      }
      ledger.deleteAccount(kind, name);
      const on = this.#on(change, now);
      const events = [
        audit(`${kind}_removed`, target, { before: before.facts, after: null }, on),
        tokensEnd(kind, name, on),
      ];
      const answer: AccountChanged = {
        kind: "changed",
        facts: before.facts,
        isNew: false,
        hasTakenProof: false,
        events,
      };
      this.#done(target, "removed", answer, now);
      return answer;
    });
  }

  rotateSecret(
    name: string,
    proof: Proof,
    previousEndsAt: number | null,
    change: Change,
    now: number,
  ): AccountChanged | { readonly kind: "missing" | "public" } {
    const { ledger } = this.#ports;
    return ledger.transaction(() => {
      const before = ledger.account("client", name);
      if (before === null) return { kind: "missing" };
      if (before.facts.isPublic) return { kind: "public" };
      if (before.proof !== null && isSame(before.proof, proof)) return this.#again(before.facts, now);
      const record = rotated(before, proof, previousEndsAt, now);
      const made = { record, hasTakenProof: true, endsTokens: false };
      return this.#save(before, made, "client_secret_rotated", this.#on(change, now));
    });
  }

  list(kind: AccountKind, after: string | null, limit: number): readonly AccountFacts[] {
    return this.#ports.ledger.accounts(kind, after ?? "", limit);
  }

  #save(before: AccountRecord | null, change: Changed, action: string, on: Occasion): AccountChanged {
    const { record, hasTakenProof, endsTokens } = change;
    const { facts } = record;
    const target = `${facts.kind}:${facts.name}`;
    const told = audit(action, target, { before: before?.facts ?? null, after: facts }, on);
    const events = endsTokens ? [told, tokensEnd(facts.kind, facts.name, on)] : [told];
    this.#ports.ledger.saveAccount(record);
    const answer: AccountChanged = { kind: "changed", facts, isNew: before === null, hasTakenProof, events };
    this.#done(target, "put", answer, on.now);
    return answer;
  }

  /** It holds already: whoever asks again soon gets the answer of then, and can wait for the events of then. */
  #again(facts: AccountFacts, now: number): AccountChanged {
    const done = this.#doneLately(`${facts.kind}:${facts.name}`, now);
    if (done?.kind === "put" && done.answer.facts.version === facts.version) return done.answer;
    return { kind: "changed", facts, isNew: false, hasTakenProof: false, events: [] };
  }

  #doneLately(target: string, now: number) {
    const done = this.#ports.ledger.doneLately(target);
    return done !== null && now - done.at < lostAnswerMs ? done : null;
  }

  #done(target: string, kind: "put" | "removed", answer: AccountChanged, now: number): void {
    const { ledger, owe } = this.#ports;
    ledger.forgetDone(now - lostAnswerMs, forgottenAtOnce);
    ledger.saveDone(target, { kind, at: now, answer });
    for (const event of answer.events) owe(event);
  }

  #on({ by, requestId }: Change, now: number): Occasion {
    const { settings, newId } = this.#ports;
    return { by, requestId, now, newId, issuer: settings.issuer, longestTokenMs: settings.longestTokenMs };
  }
}

/** The same salt: the proof of other rounds comes of the same chain. */
function isRenewal({ parameters }: AccountRecord, renewed: PasswordProof): boolean {
  if (parameters === null || parameters.rounds === renewed.parameters.rounds) return false;
  return parameters.salt === renewed.parameters.salt && parameters.iterations === renewed.parameters.iterations;
}

function versionOf(record: AccountRecord | null): number {
  return record?.facts.version ?? 0;
}

function refusedFor(reason: Exclude<AccountRefused["reason"], "unsaid">): AccountRefused {
  return { kind: "conflict", reason };
}
