/**
 * The verifier of API keys, one per isolate. A key is asked for at its object, and its owner's at theirs; what they said
 * is used for a minute, under a current view: a revocation ends it at once.
 */
import {
  longestKeyCacheMs,
  type AccountFacts,
  type AccountsContract,
  type ApiKeyFacts,
  type ApiKeysContract,
} from "../../durable-objects/accounts/contract.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { reach } from "../limit/reach.ts";
import type { Identity, Verdict } from "../token/identity.ts";
import { refusalOf } from "../token/refusals.ts";
import { readApiKey, type ApiKeyText } from "./api-key-text.ts";
import { proofOf } from "./proof.ts";

type Lifetime = Pick<ExecutionContext, "waitUntil">;
export type AskedForKeys = Pick<ApiKeysContract, "findKey"> & Pick<AccountsContract, "facts">;

/** What the verifier needs of the isolate's revocations. */
export interface KeyRevocations {
  /** Grows with everything that is heard of revocations. */
  readonly revision: number;
  /** What has come since. */
  since(names: TokenNames, revision: number): "clear" | "revoked" | "unknown";
  /** What is known at all; null when nobody could say it. */
  check(
    names: TokenNames,
    context: Lifetime,
  ): { readonly kind: "clear" | "revoked" } | Promise<{ readonly kind: "clear" | "revoked" } | null>;
}

export interface ApiKeysPorts {
  readonly issuer: string;
  /** The object of an owner's name, or of a key's id. A stub belongs to one request. */
  readonly accountsOf: (name: string) => AskedForKeys;
  /** True when the view is current; else whether it could be made so. */
  readonly current: (context: Lifetime, now: number) => true | Promise<boolean>;
  readonly revocations: KeyRevocations;
  readonly clock?: () => number;
  /** Keys that are remembered at most. */
  readonly mostKept?: number;
}

interface Kept {
  readonly verdict: Verdict;
  /** What ends it, and what was known of that when its objects were asked; null for one that was refused. */
  readonly use: { readonly names: TokenNames; readonly revision: number } | null;
  /** ms since 1970: when its objects were asked, and until when that counts. */
  readonly askedAt: number;
  readonly goodUntil: number;
}

/** A program that goes on with a key that was removed is not a call each time. */
const refusedMs = 5_000;
/** The end of the year 9999, in seconds: that of a key without an end. */
export const latestInstant = 253_402_300_799;

/** Clocks of two hosts may be 250 ms apart: what was asked so shortly after a change may have been asked before it. */
const toleranceMs = 1_000;

const invalid: Verdict = Object.freeze({ kind: "refused", code: "token_invalid" });
const notCurrent: Verdict = Object.freeze({ kind: "refused", code: "not_current" });

export class ApiKeys {
  readonly #ports: ApiKeysPorts;
  readonly #clock: () => number;
  readonly #mostKept: number;
  /** By the key's text, the one that was asked for longest ago first. */
  readonly #kept = new Map<string, Kept>();

  constructor(ports: ApiKeysPorts) {
    this.#ports = ports;
    this.#clock = ports.clock ?? Date.now;
    this.#mostKept = ports.mostKept ?? 10_000;
  }

  get count(): number {
    return this.#kept.size;
  }

  /** `now` in ms since 1970. Answers at once where it can. */
  verify(text: string, context: Lifetime, now: number): Verdict | Promise<Verdict> {
    const key = readApiKey(text);
    if (key === null) return invalid;
    const isCurrent = this.#ports.current(context, now);
    if (isCurrent !== true) return this.#verifyLater(text, key, { isCurrent, context, now });
    return this.#find(text, now) ?? this.#ask(text, key, context);
  }

  async #verifyLater(
    text: string,
    key: ApiKeyText,
    { isCurrent, context, now }: { isCurrent: Promise<boolean>; context: Lifetime; now: number },
  ): Promise<Verdict> {
    if (!(await isCurrent)) return notCurrent;
    return this.#find(text, now) ?? this.#ask(text, key, context);
  }

  #find(text: string, now: number): Verdict | undefined {
    const kept = this.#kept.get(text);
    if (kept === undefined) return undefined;
    const { use } = kept;
    const isOver = now < kept.askedAt || now >= kept.goodUntil;
    if (!isOver && (use === null || this.#ports.revocations.since(use.names, use.revision) === "clear")) {
      return kept.verdict;
    }
    this.#kept.delete(text);
    return undefined;
  }

  async #ask(text: string, key: ApiKeyText, context: Lifetime): Promise<Verdict> {
    const { accountsOf, revocations } = this.#ports;
    const askedAt = this.#clock();
    const { revision } = revocations;
    const proof = await proofOf(key.secret);
    const found = await reach(() => accountsOf(key.id).findKey({ v: 1, id: key.id, proof }));
    if (found.kind === "unreachable") return notCurrent;
    if (found.answer.kind === "wrong") return this.#refuse(text, invalid, askedAt);
    const { facts } = found.answer;
    const { kind, name, since } = facts.owner;
    const asked = await reach(() => accountsOf(name).facts({ v: 1, kind, name }));
    if (asked.kind === "unreachable") return notCurrent;
    const owner = asked.answer;
    // An account of the same name that was made later is somebody else.
    if (owner.kind === "missing" || owner.facts.createdAt !== since) return this.#refuse(text, invalid, askedAt);
    const identity = identityOf(facts, owner.facts, this.#ports.issuer, askedAt);
    const names = namesOf(identity, facts.id, askedAt);
    // What was asked just now is newer than any change; only what names it whenever it was issued still counts.
    const checked = await revocations.check({ ...names, issuedFrom: latestInstant * 1_000 }, context);
    if (checked === null) return notCurrent;
    if (checked.kind === "revoked") return this.#refuse(text, refusalOf("revoked"), askedAt);
    const verdict: Verdict = Object.freeze({ kind: "accepted", identity });
    const ends = [facts.expiresAt, owner.facts.expiresAt].filter((end) => end !== null);
    const goodUntil = Math.min(askedAt + longestKeyCacheMs, ...ends);
    this.#keep(text, { verdict, use: { names, revision }, askedAt, goodUntil });
    return verdict;
  }

  #refuse(text: string, verdict: Verdict, askedAt: number): Verdict {
    this.#keep(text, { verdict, use: null, askedAt, goodUntil: askedAt + refusedMs });
    return verdict;
  }

  #keep(text: string, kept: Kept): void {
    this.#kept.delete(text);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < this.#mostKept) break;
      this.#kept.delete(oldest);
    }
    this.#kept.set(text, kept);
  }
}

/** Its owner's rights, and of these no more than the key has. */
function identityOf(key: ApiKeyFacts, owner: AccountFacts, issuer: string, askedAt: number): Identity {
  const client = owner.kind === "client" ? owner.name : null;
  const roles = atMost(owner.roles, key.roles);
  const scopes = atMost(owner.scopes, key.scopes);
  return Object.freeze({
    issuer,
    subject: owner.name,
    client,
    tenant: owner.tenant,
    roles,
    scopes,
    claims: Object.freeze({
      ...owner.claims,
      iss: issuer,
      sub: owner.name,
      jti: key.id,
      iat: Math.floor(askedAt / 1_000),
      roles,
      scope: scopes.join(" "),
      ...(client === null ? {} : { client_id: client }),
      ...(owner.resources.length === 0 ? {} : { resources: owner.resources }),
      ...(owner.tenant === null ? {} : { tenant: owner.tenant }),
    }),
    expiresAt: key.expiresAt === null ? latestInstant : Math.floor(key.expiresAt / 1_000),
  });
}

/** As tokens are named: it was issued when its objects were asked. */
function namesOf({ issuer, subject, client, tenant }: Identity, jti: string, askedAt: number): TokenNames {
  return {
    issuer,
    subject,
    jti,
    ...(client === null ? {} : { client }),
    ...(tenant === null ? {} : { tenant }),
    issuedFrom: askedAt - toleranceMs,
  };
}

function atMost(owned: readonly string[], allowed: readonly string[] | null): readonly string[] {
  return Object.freeze(allowed === null ? [...owned] : owned.filter((name) => allowed.includes(name)));
}
