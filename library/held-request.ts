/** The rest of a request of Hono that runs under a permit. */
import type { Context, Next } from "hono";
import type { Hold } from "./hold.ts";
import { permitEnded } from "./refusals.ts";

/** Until its answer has ended. When the permit ends before there is one, the request is answered in the handler's place. */
export async function underHold(c: Context, hold: Hold, limit: string, next: Next): Promise<void> {
  const { signal } = hold;
  try {
    if (!signal.aborted) await Promise.race([next(), ended(signal)]);
    if (signal.aborted) {
      // An answer that has failed by now cannot be cancelled, and need not be.
      if (c.finalized) c.res.body?.cancel().catch(() => undefined);
      replace(c, permitEnded(limit));
    } else replace(c, hold.during(c.res));
  } finally {
    hold.release();
  }
}

/** A moment later than that: what a handler makes of the signal is not its answer any more. */
function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => setTimeout(resolve, 0), { once: true });
  });
}

/** As it is: an answer that follows another one gets its fields from Hono. */
function replace(c: Context, answer: Response): void {
  if (answer === c.res) return;
  c.res = undefined;
  c.res = answer;
}
