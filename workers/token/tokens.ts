/**
 * The verifier, one per isolate: is this token good, now, by what this isolate can prove?
 *
 * A verdict needs a current view, because a removed key is dead at once (rule T1, T4); a token whose form is wrong is
 * refused without anybody being asked. Tokens that were verified already cost one look-up.
 */
import type { KeyringContract, KeysData } from "../../durable-objects/keyring/contract.ts";
import { maxStaleMs, type KeySetsContract, type KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import type { Mesh } from "../config/mesh.ts";
import type { Verdict } from "./identity.ts";
import { IssuerKeys, type AskedKeys, type KeysView, type Lifetime } from "./issuer-keys.ts";
import { rulesOf, type IssuerRules } from "./issuer-rules.ts";
import { readToken, type Reading } from "./reading.ts";
import { codeOf, type RefusalReason } from "./reasons.ts";
import { isSigned } from "./signature.ts";
import { VerifiedTokens, type VerifiedTokensSize } from "./verified-tokens.ts";

/** What the verifier needs of the isolate's view. */
export interface TokensView extends KeysView {
  /** True when the view is current; else whether it could be made so. Renews beside the request when half is over. */
  current(context: Lifetime, now: number): true | Promise<boolean>;
}

export interface TokensPorts {
  readonly mesh: Pick<Mesh, "tokens" | "issuers">;
  readonly view: TokensView;
  /** A stub belongs to one request: these are asked anew for each call. */
  readonly keyring: () => Pick<KeyringContract, "keys">;
  readonly keySets: (issuer: string) => KeySetsContract;
  readonly cacheSize?: VerifiedTokensSize;
}

export class Tokens {
  readonly #view: TokensView;
  readonly #rules: ReadonlyMap<string, IssuerRules>;
  readonly #keys: ReadonlyMap<string, IssuerKeys>;
  readonly #verified: VerifiedTokens;
  readonly #ownIssuer: string;

  constructor(ports: TokensPorts) {
    const { mesh, view } = ports;
    this.#view = view;
    this.#rules = rulesOf(mesh);
    this.#ownIssuer = mesh.tokens.issuer;
    this.#verified = new VerifiedTokens(ports.cacheSize);
    const keys = new Map<string, IssuerKeys>();
    for (const { issuer, source } of mesh.issuers.values()) keys.set(issuer, outsideKeys(source, ports));
    keys.set(this.#ownIssuer, ownKeys(this.#ownIssuer, ports));
    this.#keys = keys;
  }

  /** `now` in ms since 1970. Answers at once where it can: a promise costs more than the look-up. */
  verify(token: string, context: Lifetime, now: number): Verdict | Promise<Verdict> {
    const isCurrent = this.#view.current(context, now);
    if (isCurrent === true) {
      const known = this.#verified.find(token, now);
      if (known !== undefined) return known.verdict;
    }
    const reading = readToken(token, this.#rules, now);
    if (reading.kind === "refused") return refusalOf(reading.reason);
    return this.#judge(token, reading, isCurrent, context, now);
  }

  /** The mesh's own public keys, as published; null when they cannot be had now. */
  async ownKeys(context: Lifetime, now: number): Promise<KeysData | null> {
    const keys = this.#keys.get(this.#ownIssuer);
    if (keys === undefined) return null;
    if (keys.data(now) === null) await keys.ask(null, context, now);
    return keys.data(now);
  }

  async #judge(
    token: string,
    reading: Reading,
    isCurrent: true | Promise<boolean>,
    context: Lifetime,
    now: number,
  ): Promise<Verdict> {
    if (!(await isCurrent)) return refusalOf("view_not_current");
    const { rules, algorithm } = reading;
    const keys = this.#keys.get(rules.issuer);
    if (keys === undefined) return refusalOf("issuer_unknown");
    const found = await keys.find(reading.keyId, algorithm, context, now);
    if (found.kind === "refused") return refusalOf(found.reason);
    if (!(await isSigned(token, found.key, algorithm))) return refusalOf("signature_wrong");
    const verdict: Verdict = Object.freeze({ kind: "accepted", identity: reading.identity });
    const { goodFrom, goodUntil } = reading;
    // In its last moments a token lives by tolerance alone, and is looked at each time.
    if (now < goodUntil)
      this.#verified.keep(token, { verdict, goodFrom, goodUntil, keys, generation: found.generation });
    return verdict;
  }
}

/** Own keys are made, not fetched: a set is as good as the view that has it, however old. */
function ownKeys(issuer: string, { view, keyring }: TokensPorts): IssuerKeys {
  const ask = async (): Promise<AskedKeys> => {
    const answer = await keyring().keys();
    if (answer.kind === "keys") return answer;
    console.error({ event: "keyring_refused", reason: answer.reason });
    return { kind: "unavailable", retryAfterMs: 5_000 };
  };
  return new IssuerKeys({ issuer, ttlMs: Infinity, maxStaleMs: Infinity, ask }, view);
}

function outsideKeys(source: KeySetSource, { view, keySets }: TokensPorts): IssuerKeys {
  const { issuer, ttlMs } = source;
  const ask = (missing: string | null): Promise<AskedKeys> => keySets(issuer).keys({ v: 1, source, missing });
  return new IssuerKeys({ issuer, ttlMs, maxStaleMs, ask }, view);
}

const refusals = new Map<RefusalReason, Verdict>();

/** One value a reason: a flood of bad tokens makes no garbage of its own. */
function refusalOf(reason: RefusalReason): Verdict {
  let verdict = refusals.get(reason);
  if (verdict === undefined) {
    verdict = Object.freeze({ kind: "refused", code: codeOf(reason), reason } as const);
    refusals.set(reason, verdict);
  }
  return verdict;
}
