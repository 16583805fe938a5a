/**
 * Asks an object, once more when it is silent or fails, and no longer than a deadline.
 *
 * What is asked must be idempotent by its request id: both attempts may arrive. An overloaded object is not asked
 * again (the platform says so): that would be more load.
 */

export interface Patience {
  /** How long the first attempt may be silent before the second one starts, ms. */
  readonly attemptMs: number;
  /** From the first attempt until the caller goes on without an answer, ms. */
  readonly deadlineMs: number;
}

export type Reached<Answer> =
  | { readonly kind: "answered"; readonly answer: Answer }
  /** `late`: what an attempt that was still under way brings after all; null when none does. */
  | { readonly kind: "unreachable"; readonly reason: string; readonly late: Promise<Answer | null> };

/** For calls that no client's request waits for in the first place. */
const usualPatience: Patience = { attemptMs: 400, deadlineMs: 1_000 };

/** Of a request that waits at most `timeoutMs`, for an answer that may itself wait `waitMs`. */
export function patienceOf(timeoutMs: number, waitMs: number): Patience {
  return { attemptMs: Math.ceil(timeoutMs * 0.4) + waitMs, deadlineMs: timeoutMs + waitMs };
}

export function reach<Answer>(
  ask: () => Promise<Answer>,
  { attemptMs, deadlineMs }: Patience = usualPatience,
): Promise<Reached<Answer>> {
  const late = Promise.withResolvers<Answer | null>();
  const result = Promise.withResolvers<Reached<Answer>>();
  let attempts = 0;
  let failures = 0;
  let timer = setTimeout(attemptAgain, attemptMs);

  function giveUp(reason: string): void {
    clearTimeout(timer);
    result.resolve({ kind: "unreachable", reason, late: late.promise });
  }

  function failed(error: unknown): void {
    failures += 1;
    if (attempts === 1 && !isOverloaded(error)) return attemptAgain();
    if (failures < attempts) return;
    late.resolve(null);
    giveUp(String(error));
  }

  function attempt(): void {
    attempts += 1;
    // Inside a function of its own: making a stub may throw, too.
    (async () => ask())().then((answer) => {
      clearTimeout(timer);
      late.resolve(answer);
      result.resolve({ kind: "answered", answer });
    }, failed);
  }

  function attemptAgain(): void {
    clearTimeout(timer);
    timer = setTimeout(() => giveUp("it was silent"), deadlineMs - attemptMs);
    attempt();
  }

  attempt();
  return result.promise;
}

function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}
