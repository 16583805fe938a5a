/** Ends tokens: names them, and publishes that with the wanted acknowledgement. */
import type { Ack, Receipt } from "../durable-objects/log/contract.ts";
import type { RevocationTarget } from "../durable-objects/revocations/contract.ts";
import type { Published, Publisher } from "../workers/broadcast/publisher.ts";
import type { Lifetime } from "../workers/token/issuer-keys.ts";
import { codeOf } from "../workers/token/reasons.ts";
import { tokenLifeMs } from "../workers/token/revocation-life.ts";
import { revocationEvent, type RevocationTerms } from "../workers/token/revoke.ts";
import { soleNameOf } from "../workers/token/token-names.ts";
import type { Tokens } from "../workers/token/tokens.ts";
import type { KnownIssuers } from "./known-issuer.ts";
import { mistake, targetOf, tokenText, type RevokeTarget } from "./revoke-target.ts";

export interface RevokeOptions {
  /**
   * What is waited for. "none": it is written down, and known everywhere within 14 seconds, whatever is lost. "regions":
   * every Region knows it. "everywhere": so does every isolate, and a request that begins after the answer is refused.
   * Default "regions".
   */
  readonly ack?: Ack;
  /** How long, ms, 0 to 30 000; then `acknowledged` is false. Default 5000. */
  readonly timeoutMs?: number;
  /**
   * Only tokens issued up to then. Default: now, but for what names a token, a family or a key: whenever they were issued.
   */
  readonly issuedBefore?: Date;
  /** Who revokes, for people: it is kept with the revocation. Default "worker". */
  readonly by?: string;
}

export type Revoked =
  | {
      readonly kind: "revoked";
      readonly id: string;
      /** From then on no token that it names could be good anyway, and it may be forgotten. */
      readonly endsAt: Date;
      /** Whether `ack` was reached in time. Without it, it is reached later. */
      readonly acknowledged: boolean;
      /** What each Region knows that is in use; none with `ack: "none"`. */
      readonly receipts: readonly Receipt[];
    }
  /** Nothing was done. `token_invalid`: its issuer has not signed it; `token_expired`: there is nothing to end. */
  | { readonly kind: "refused"; readonly reason: "token_invalid" | "token_expired" | "not_current" | "overloaded" }
  /** It was sent and the answer lost: to revoke once more is safe. */
  | { readonly kind: "outcome_unknown" };

type Refused = Extract<Revoked, { readonly kind: "refused" }>;

interface Meant {
  readonly kind: "meant";
  readonly target: RevocationTarget;
  readonly endsAt?: number;
}

const acks: readonly string[] = ["none", "regions", "everywhere"] satisfies readonly Ack[];
const longestTimeoutMs = 30_000;

export class Revoker {
  readonly #issuers: KnownIssuers;
  readonly #issuer: string;
  readonly #tokens: Pick<Tokens, "nameOf">;
  readonly #publisher: Pick<Publisher, "publish">;

  constructor(
    issuers: KnownIssuers,
    issuer: string,
    tokens: Pick<Tokens, "nameOf">,
    publisher: Pick<Publisher, "publish">,
  ) {
    this.#issuers = issuers;
    this.#issuer = issuer;
    this.#tokens = tokens;
    this.#publisher = publisher;
  }

  async revoke(target: RevokeTarget, options: RevokeOptions, context: Lifetime): Promise<Revoked> {
    const { ack = "regions", timeoutMs = 5_000, issuedBefore, by = "worker" } = options;
    if (!acks.includes(ack)) throw mistake(`ack ${acks.join(", ")}`, ack);
    if (!Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > longestTimeoutMs) {
      throw mistake(`timeoutMs, a whole number from 0 to ${longestTimeoutMs}`, String(timeoutMs));
    }
    const cutOff = issuedBefore?.getTime();
    if (Number.isNaN(cutOff)) throw mistake("issuedBefore, a date", "an invalid one");
    const now = Date.now();
    const meant = await this.#meant(target, cutOff, context, now);
    if (meant.kind === "refused") return meant;
    const terms: RevocationTerms = {
      by,
      ...(cutOff === undefined ? {} : { issuedBefore: cutOff }),
      ...(meant.endsAt === undefined ? {} : { endsAt: meant.endsAt }),
    };
    const event = revocationEvent(this.#issuers, meant.target, { ...terms, now });
    const published = await this.#publisher.publish(context, event, ack, timeoutMs);
    return outcomeOf(published, new Date(event.data.endsAt));
  }

  /** A token is taken at its word only when its issuer signed it: nobody ends another's by writing its `jti` down. */
  async #meant(
    target: RevokeTarget,
    cutOff: number | undefined,
    context: Lifetime,
    now: number,
  ): Promise<Meant | Refused> {
    if (!("token" in target)) return { kind: "meant", target: targetOf(target, this.#issuer) };
    const token = tokenText(target);
    if (cutOff !== undefined) throw mistake("a token alone", "issuedBefore");
    const named = await this.#tokens.nameOf(token, context, now);
    if (named.kind === "refused") {
      return { kind: "refused", reason: codeOf(named.reason) === "not_current" ? "not_current" : "token_invalid" };
    }
    const { names, expiresAt } = named;
    if (expiresAt <= now) return { kind: "refused", reason: "token_expired" };
    // One that may live longer than its issuer's tokens may is accepted nowhere.
    if (expiresAt > now + tokenLifeMs(this.#issuers, names.issuer)) return { kind: "refused", reason: "token_invalid" };
    return { kind: "meant", target: soleNameOf(names), endsAt: expiresAt };
  }
}

function outcomeOf(published: Published, endsAt: Date): Revoked {
  switch (published.kind) {
    case "published": {
      const { id, acknowledged, receipts } = published;
      return { kind: "revoked", id, endsAt, acknowledged, receipts };
    }
    case "overloaded":
      return { kind: "refused", reason: "overloaded" };
    case "outcome_unknown":
      return { kind: "outcome_unknown" };
    case "malformed":
      throw mistake("a revocation that the Log takes", published.detail);
    case "conflict":
      // Ids are random.
      throw mistake("an id of its own", "one that was used before");
  }
}
