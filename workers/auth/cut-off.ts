/**
 * Cut-offs at a login. One from before it that still reaches over it, because `iat` has whole seconds and clocks differ,
 * is waited for: who logs in right after all sessions were ended gets a good token, and a login that goes on. One that
 * came while the login was under way ends it.
 */
import { isLate, namedBy } from "./issue.ts";
import { notCurrent, notGiven, unreachable, type AuthParts, type Named, type NotGiven, type Person } from "./parts.ts";

const longestWaitMs = 4_000;
const revoked = notGiven("token_invalid", "invalid_grant", "revoked");

export interface Passed {
  readonly kind: "passed";
  /** From when on what comes of it counts, ms since 1970. */
  readonly startedAt: number;
  /** What was changed or revoked by then is known, ms since 1970. */
  readonly lookedAt: number;
  /** Then what the proof was held against is old. */
  readonly hasWaited: boolean;
}

/** Who has just proved who they are. `provenAt`: from before the proof was looked at. */
export interface Proven {
  readonly person: Person;
  readonly provenAt: number;
}

export type Standing = Passed & { readonly who: Person };

export async function passCutOff(parts: AuthParts, named: Named, provenAt: number): Promise<Passed | NotGiven> {
  const began = parts.now();
  let startedAt = provenAt;
  let hasWaited = false;
  for (;;) {
    const until = await parts.revokedUntil(named, startedAt);
    if (until === null) break;
    if (until === "unknown") {
      // What has taken so long is asked about again before a token is given: those who are silent now would be, too.
      if (hasWaited || isLate(parts, provenAt)) return notCurrent;
      // Where nobody can say it, a login waits for nobody: at worst its tokens are refused by whoever can.
      break;
    }
    if (until === "ever" || until - began > longestWaitMs) return revoked;
    await parts.wait(Math.max(1, until - parts.now()));
    startedAt = parts.now();
    hasWaited = true;
  }
  if (!hasWaited) return { kind: "passed", startedAt, lookedAt: provenAt, hasWaited };
  const lookedAt = parts.now();
  const since = await parts.revokedSince(named, provenAt);
  if (since === "unknown") return notCurrent;
  return since ? revoked : { kind: "passed", startedAt, lookedAt, hasWaited };
}

/** After a wait the account is read again: the password that was right may be the one of before. */
export async function standingOf(
  parts: AuthParts,
  { person, provenAt }: Proven,
  names: Pick<Named, "client" | "family">,
): Promise<Standing | NotGiven> {
  // Never before its proof was made, by whatever clock.
  const from = Math.max(provenAt, person.proofChangedAt);
  const passed = await passCutOff(parts, namedBy({ ...person, ...names }), from);
  if (passed.kind === "not_given") return passed;
  if (!passed.hasWaited) return { ...passed, who: person };
  const read = await parts.people.read(person.name);
  if (read.kind === "unreachable") return unreachable;
  if (read.kind === "missing" || read.who.proofChangedAt !== person.proofChangedAt) return revoked;
  return { ...passed, who: read.who };
}
