/**
 * What should happen to the keys of one set, and when. Pure.
 *
 * A set has one key that signs, one that is published for later, and those that sign no more and whose tokens may still
 * be about. So a rotation is a change of roles among published keys: nobody meets a token whose key is news.
 */
import type { KeyPurpose, KeyStanding } from "./contract.ts";

export interface PlannedKey {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  readonly algorithm: string;
  /** ms since 1970; published in the same step. */
  readonly madeAt: number;
  /** Since when it signs; null for a next one. */
  readonly usedFrom: number | null;
  /** When its last token has ended; null until it stops signing. */
  readonly endsAt: number | null;
}

export interface KeyRules {
  /** What new keys are made for. */
  readonly algorithm: string;
  readonly rotateAfterMs: number | null;
  readonly settleMs: number;
  readonly longestTokenMs: number;
}

export type KeyStep =
  /** `current`: there is none that could sign, so it does at once. */
  | { readonly kind: "make"; readonly standing: "next" | "current" }
  | { readonly kind: "promote"; readonly kid: string }
  | { readonly kind: "drop"; readonly kid: string };

export type Rotation =
  | { readonly kind: "rotate"; readonly kid: string }
  | { readonly kind: "too_soon"; readonly retryAfterMs: number };

/** Hosts' clocks differ by up to 250 ms, and `exp` has whole seconds. */
const afterLastTokenMs = 2_000;

export function standingOf({ usedFrom, endsAt }: PlannedKey): KeyStanding {
  if (usedFrom === null) return "next";
  return endsAt === null ? "current" : "retiring";
}

export function signerOf<Key extends PlannedKey>(keys: readonly Key[]): Key | undefined {
  return keys.find((key) => standingOf(key) === "current");
}

/** What is due at `now`, in order. The steps of one call are one change of the set. */
export function upkeepOf(keys: readonly PlannedKey[], rules: KeyRules, now: number): readonly KeyStep[] {
  const steps: KeyStep[] = keys
    .filter(({ endsAt }) => endsAt !== null && endsAt <= now)
    .map(({ kid }): KeyStep => ({ kind: "drop", kid }));
  const [signer, next] = [signerOf(keys), nextOf(keys, rules)];
  // A key of another algorithm than the configured one was published for nothing.
  const misfit = keys.find((key) => standingOf(key) === "next" && key !== next);
  if (misfit !== undefined) steps.push({ kind: "drop", kid: misfit.kid });
  if (signer === undefined && next === undefined) {
    steps.push({ kind: "make", standing: "current" }, { kind: "make", standing: "next" });
  } else if (next === undefined) {
    steps.push({ kind: "make", standing: "next" });
  } else if (signer === undefined || (isWorn(signer, rules, now) && now >= next.madeAt + rules.settleMs)) {
    steps.push({ kind: "promote", kid: next.kid }, { kind: "make", standing: "next" });
  }
  return steps;
}

/** When time alone makes something due; Infinity for never. */
export function dueAt(keys: readonly PlannedKey[], rules: KeyRules): number {
  const ends = keys.map(({ endsAt }) => endsAt ?? Infinity);
  const [signer, next] = [signerOf(keys), nextOf(keys, rules)];
  if (signer === undefined || next === undefined) return 0;
  const settled = next.madeAt + rules.settleMs;
  const worn = wornAt(signer, rules);
  return Math.min(...ends, worn === Infinity ? Infinity : Math.max(worn, settled));
}

export function rotationOf(keys: readonly PlannedKey[], rules: KeyRules, now: number): Rotation {
  const next = nextOf(keys, rules);
  if (next === undefined) return { kind: "too_soon", retryAfterMs: rules.settleMs };
  const retryAfterMs = next.madeAt + rules.settleMs - now;
  // A clock that was set back must not hold a rotation up for longer than settling takes.
  if (retryAfterMs > 0 && retryAfterMs <= rules.settleMs) return { kind: "too_soon", retryAfterMs };
  return { kind: "rotate", kid: next.kid };
}

/** The last token of a key that stops signing at `now` has surely ended by then. */
export function endOf(rules: KeyRules, now: number): number {
  return now + rules.longestTokenMs + afterLastTokenMs;
}

function nextOf<Key extends PlannedKey>(keys: readonly Key[], { algorithm }: KeyRules): Key | undefined {
  return keys.find((key) => standingOf(key) === "next" && key.algorithm === algorithm);
}

function isWorn(signer: PlannedKey, rules: KeyRules, now: number): boolean {
  return now >= wornAt(signer, rules);
}

function wornAt({ usedFrom, algorithm }: PlannedKey, rules: KeyRules): number {
  if (algorithm !== rules.algorithm) return 0;
  return rules.rotateAfterMs === null ? Infinity : (usedFrom ?? 0) + rules.rotateAfterMs;
}
