/**
 * The verifier, one per isolate: is this token good, now, by what this isolate can prove?
 *
 * A verdict needs a current view, because a removed key is dead at once, and a revoked token (T1, T3, T4); a token whose
 * form is wrong is refused without anybody being asked. Tokens that were verified already cost one look-up.
 */
import type { KeyringContract, KeysData } from "../../durable-objects/keyring/contract.ts";
import { maxStaleMs, type KeySetsContract, type KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import type { Mesh } from "../config/mesh.ts";
import type { Verdict } from "./identity.ts";
import { IssuerKeys, type KeysOfIssuer, type AskedKeys, type KeysView, type Lifetime } from "./issuer-keys.ts";
import { rulesOf, type IssuerRules } from "./issuer-rules.ts";
import type { KeySet, VerificationKey } from "./key-set.ts";
import { readSigned, readToken, type Reading, type Signed } from "./reading.ts";
import type { RefusalReason } from "./reasons.ts";
import { refusalOf } from "./refusals.ts";
import { SharedSecretKeys } from "./shared-secret.ts";
import { isSigned } from "./signature.ts";
import { namesOf } from "./token-names.ts";
import { VerifiedTokens, type RevocationsKnown, type VerifiedTokensSize } from "./verified-tokens.ts";

/** What the verifier needs of the isolate's view. */
export interface TokensView extends KeysView {
  /** True when the view is current; else whether it could be made so. Renews beside the request when half is over. */
  current(context: Lifetime, now: number): true | Promise<boolean>;
}

/** What the verifier needs of the isolate's revocations. */
export interface TokenRevocations extends RevocationsKnown {
  /** Null when nobody could say it. Asks a Region where this isolate does not know. */
  check(names: TokenNames, context: Lifetime): Checked | Promise<Checked | null>;
}

/** `revision`: what was known when it was found. */
type Checked =
  | { readonly kind: "clear"; readonly revision: number }
  /** `issuedBefore`: of the revocation that names it; null when that holds whenever the token was issued. */
  | { readonly kind: "revoked"; readonly issuedBefore: number | null; readonly revision: number };

/** A token that a known issuer has signed, whatever it says of time and audience. */
export type NamedToken =
  | { readonly kind: "named"; readonly names: TokenNames; readonly expiresAt: number }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

export interface TokensPorts {
  readonly mesh: Pick<Mesh, "tokens" | "issuers">;
  readonly view: TokensView;
  readonly revocations: TokenRevocations;
  /** A stub belongs to one request: these are asked anew for each call. */
  readonly keyring: () => Pick<KeyringContract, "keys">;
  readonly keySets: (issuer: string) => Pick<KeySetsContract, "keys">;
  /** With HS256: the secret, and while it is rotated the previous one. */
  readonly sharedSecrets?: readonly string[];
  readonly cacheSize?: VerifiedTokensSize;
  /** Told why a token that names a configured issuer is not accepted; of revoked ones nothing. */
  readonly onRefused?: (issuer: string, reason: RefusalReason) => void;
}

export class Tokens {
  readonly #view: TokensView;
  readonly #revocations: TokenRevocations;
  readonly #rules: ReadonlyMap<string, IssuerRules>;
  readonly #keys: ReadonlyMap<string, KeysOfIssuer>;
  readonly #verified: VerifiedTokens;
  readonly #ownIssuer: string;
  readonly #onRefused: TokensPorts["onRefused"];

  constructor(ports: TokensPorts) {
    const { mesh, view } = ports;
    this.#view = view;
    this.#revocations = ports.revocations;
    this.#rules = rulesOf(mesh);
    this.#ownIssuer = mesh.tokens.issuer;
    this.#onRefused = ports.onRefused;
    this.#verified = new VerifiedTokens(ports.revocations, ports.cacheSize);
    const keys = new Map<string, KeysOfIssuer>();
    for (const { issuer, source } of mesh.issuers.values()) keys.set(issuer, outsideKeys(source, ports));
    const { issuer: own } = mesh.tokens;
    const secrets = ports.sharedSecrets ?? [];
    keys.set(own, secrets.length > 0 ? new SharedSecretKeys(own, secrets) : ownKeys(own, ports));
    this.#keys = keys;
  }

  /** `now` in ms since 1970. Answers at once where it can: a promise costs more than the look-up. */
  verify(token: string, context: Lifetime, now: number): Verdict | Promise<Verdict> {
    const isCurrent = this.#view.current(context, now);
    const known = isCurrent === true ? this.#known(token, context, now) : undefined;
    if (known !== undefined) return known;
    const reading = readToken(token, this.#rules, now);
    if (reading.kind === "refused") return this.#refused(reading.issuer, reading.reason);
    return this.#judge(token, reading, isCurrent, context, now);
  }

  /** The mesh's own public keys, as published; null when they cannot be had now. */
  async ownKeys(context: Lifetime, now: number): Promise<KeysData | null> {
    const keys = this.#keys.get(this.#ownIssuer);
    if (keys === undefined) return null;
    if (keys.data(now) === null) await keys.ask(null, context, now);
    return keys.data(now);
  }

  /** What a revocation of this token has to name. A promise only: nobody waits for it on the way of a request. */
  async nameOf(token: string, context: Lifetime, now: number): Promise<NamedToken> {
    const signed = readSigned(token, this.#rules);
    if (signed.kind === "refused") return signed;
    if (!(await this.#view.current(context, now))) return { kind: "refused", reason: "view_not_current" };
    const found = await this.#signerOf(token, signed, context, now);
    if (found.kind === "refused") return found;
    const names = await namesOf(token, { ...signed, keyId: found.key.id });
    return { kind: "named", names, expiresAt: signed.identity.expiresAt * 1_000 };
  }

  /** The view must be current. */
  #known(token: string, context: Lifetime, now: number): Verdict | undefined {
    const known = this.#verified.find(token, now);
    // A set past its TTL is asked for, and its use counted, also when no token needs a new look.
    known?.keys.keepFresh(context, now);
    return known?.verdict;
  }

  async #judge(
    token: string,
    reading: Reading,
    isCurrent: true | Promise<boolean>,
    context: Lifetime,
    now: number,
  ): Promise<Verdict> {
    if (!(await isCurrent)) return refusalOf("view_not_current");
    // What was verified under the view before may still stand under this one.
    const known = isCurrent === true ? undefined : this.#known(token, context, now);
    if (known !== undefined) return known;
    const found = await this.#signerOf(token, reading, context, now);
    if (found.kind === "refused") return this.#refused(reading.rules.issuer, found.reason);
    const names = await namesOf(token, { ...reading, keyId: found.key.id });
    // Last, after everything that had to be waited for: what was heard of meanwhile counts.
    const checked = await this.#revocations.check(names, context);
    if (checked === null) return refusalOf("revocations_unknown");
    const verdict: Verdict =
      checked.kind === "revoked"
        ? refusalOf("revoked")
        : Object.freeze({ kind: "accepted", identity: reading.identity });
    const { goodFrom, goodUntil } = reading;
    const { revision } = checked;
    // In its last moments a token lives by tolerance alone, and is looked at each time.
    const { keys, generation } = found;
    if (now < goodUntil)
      this.#verified.keep(token, { verdict, goodFrom, goodUntil, keys, generation, names, revision });
    return verdict;
  }

  #refused(issuer: string | undefined, reason: RefusalReason): Verdict {
    if (issuer !== undefined) this.#onRefused?.(issuer, reason);
    return refusalOf(reason);
  }

  /** The key that signed it, of its issuer's set. */
  async #signerOf(token: string, signed: Signed, context: Lifetime, now: number): Promise<SignerAnswer> {
    const { rules, algorithm } = signed;
    const keys = this.#keys.get(rules.issuer);
    if (keys === undefined) return { kind: "refused", reason: "issuer_unknown" };
    const found = await keys.find(signed.keyId, algorithm, context, now);
    if (found.kind === "refused") return found;
    if (!(await isSigned(token, found.key, algorithm))) return { kind: "refused", reason: "signature_wrong" };
    return { kind: "signed", keys, key: found.key, generation: found.generation };
  }
}

type SignerAnswer =
  | { readonly kind: "signed"; readonly keys: KeysOfIssuer; readonly key: VerificationKey; readonly generation: KeySet }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

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
  const ask = (missing: string | null, staleUses: number): Promise<AskedKeys> =>
    keySets(issuer).keys({ v: 1, source, missing, staleUses });
  return new IssuerKeys({ issuer, ttlMs, maxStaleMs: source.maxStaleMs ?? maxStaleMs, ask }, view);
}
