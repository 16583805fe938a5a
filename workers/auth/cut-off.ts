/**
 * A cut-off that is about to pass is waited for: who logs in right after all sessions were ended gets a good token, and
 * a login that goes on.
 */
import { notGiven, type AuthParts, type Named, type NotGiven } from "./parts.ts";

const longestWaitMs = 4_000;

/** Null when what begins now is good. Before a login is dated: what comes of it is held against its date. */
export async function waitForCutOff(parts: AuthParts, named: Named): Promise<NotGiven | null> {
  const began = parts.now();
  for (;;) {
    const now = parts.now();
    const until = await parts.revokedUntil(named, now);
    // Where nobody can say it, a login waits for nobody: at worst its tokens are refused by whoever can.
    if (until === null || until === "unknown") return null;
    if (until === "ever" || until - began > longestWaitMs) return notGiven("token_invalid", "invalid_grant", "revoked");
    await parts.wait(Math.max(1, until - now));
  }
}
