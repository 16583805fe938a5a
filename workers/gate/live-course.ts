/**
 * How long an answer that goes on may do so, by what is found of its credential from time to time. Pure: a verdict and
 * an instant in, a decision out.
 */
import type { Verdict } from "../token/identity.ts";
import type { LiveEndingCode } from "./ending.ts";

/** What the gate would say now; null when nobody could say it in time. */
export type Found = { readonly verdict: Verdict; readonly isAllowed: boolean } | null;

export type Course =
  /** `isWarned`: the client is to be told now that its token ends soon. */
  | { readonly kind: "go_on"; readonly isWarned: boolean }
  | { readonly kind: "over"; readonly code: LiveEndingCode }
  /** Nothing that could still be found would end it. */
  | { readonly kind: "let_go" };

export interface LiveTerms {
  /** It ends with its credential: it has no end of its own. What has one may outlive that, and no revocation. */
  readonly endsWithCredential: boolean;
  /** When the credential says that it ends, ms since 1970. */
  readonly expiresAt: number;
}

/** How long it may go on without a proof that the credential is good, ms. */
const longestUnprovedMs = 10_000;
/** A look that comes late is given a moment all the same, ms. */
const leastPatienceMs = 1_000;
/** How long before its credential's end the client is told, ms. */
const warnedBeforeMs = 30_000;

const onward: Course = { kind: "go_on", isWarned: false };

export class LiveCourse {
  readonly #terms: LiveTerms;
  #provedAt: number;
  #hasWarned = false;

  /** `now`: the credential was found good. */
  constructor(terms: LiveTerms, now: number) {
    this.#terms = terms;
    this.#provedAt = now;
  }

  /** As of when a token is to be judged: one whose expiry does not count is held against everything else. */
  judgedAt(now: number): number {
    const { endsWithCredential, expiresAt } = this.#terms;
    return endsWithCredential ? now : Math.min(now, expiresAt - 1);
  }

  /** How long the next finding may be waited for, ms. A clock that was set back makes it no longer. */
  patienceMs(now: number): number {
    return Math.max(leastPatienceMs, this.#unprovedRestMs(now));
  }

  #unprovedRestMs(now: number): number {
    this.#provedAt = Math.min(this.#provedAt, now);
    return this.#provedAt + longestUnprovedMs - now;
  }

  take(found: Found, now: number): Course {
    if (found === null || isUnproved(found.verdict)) {
      return this.#unprovedRestMs(now) > 0 ? onward : { kind: "over", code: "not_current" };
    }
    const { verdict, isAllowed } = found;
    if (verdict.kind === "refused") return this.#refused(verdict, now);
    if (!isAllowed) return { kind: "over", code: "forbidden" };
    this.#provedAt = now;
    return this.#warns(now) ? { kind: "go_on", isWarned: true } : onward;
  }

  /** It was good: what is refused now has run out, or somebody has ended it. */
  #refused({ code, reason }: Extract<Verdict, { kind: "refused" }>, now: number): Course {
    const hasExpired = code !== "token_revoked" && (reason === "expired" || now >= this.#terms.expiresAt);
    if (!hasExpired) return { kind: "over", code: "token_revoked" };
    return this.#terms.endsWithCredential ? { kind: "over", code: "token_expired" } : { kind: "let_go" };
  }

  #warns(now: number): boolean {
    const { endsWithCredential, expiresAt } = this.#terms;
    const isDue = endsWithCredential && !this.#hasWarned && expiresAt - now <= warnedBeforeMs;
    if (isDue) this.#hasWarned = true;
    return isDue;
  }
}

function isUnproved(verdict: Verdict): boolean {
  return verdict.kind === "refused" && verdict.code === "not_current";
}
