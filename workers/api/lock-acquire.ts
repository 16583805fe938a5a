/** Acquiring a lock for a caller of the mesh API, which may wait, and may go away while it waits. */
import type { AcquireAnswer, AcquireRequest, Hold, LockContract } from "../../durable-objects/lock/contract.ts";
import { asked, overloaded } from "./lock-asking.ts";
import { refused } from "./refused.ts";

export interface Wish {
  readonly lock: string;
  readonly holder: string;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly atLeastMs: number;
  /** Made here when the caller has none. */
  readonly requestId?: string | undefined;
}

/** The hold, or a thrown refusal. `signal` aborts when the caller goes away. */
export async function acquireLock(
  stub: () => LockContract,
  wish: Wish,
  signal: AbortSignal,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<Hold> {
  const { lock, holder, ttlMs, waitMs, atLeastMs, requestId = crypto.randomUUID() } = wish;
  const request: AcquireRequest = { v: 1, lock, holder, ttlMs, waitMs, atLeastMs, requestId };
  const startedAt = Date.now();
  const giveUp = (): void => {
    // Nobody is left to be told of a failure; then the place in line ends by itself.
    context.waitUntil(
      stub()
        .leave({ v: 1, lock, requestId })
        .catch(() => null),
    );
  };
  if (waitMs > 0) signal.addEventListener("abort", giveUp, { once: true });
  try {
    const first = await asked(stub, (one) => one.acquire({ ...request, waitMs: restOf(waitMs, startedAt) }));
    if (first.kind !== "offered") return holdOf(first);
    const takenUpAt = Date.now();
    const hold = holdOf(await asked(stub, (one) => one.acquire({ ...request, waitMs: 0 })));
    if (signal.aborted && wish.requestId === undefined) context.waitUntil(releaseUnknown(stub(), hold));
    return { ...hold, ttlMs: hold.ttlMs + creditOf(takenUpAt - startedAt) };
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Its caller has gone and has no request id to ask for it again. */
async function releaseUnknown(stub: LockContract, { lock, holder, token }: Hold): Promise<void> {
  // A failure leaves it to its ttl.
  await stub.release({ v: 1, lock, holder, token }).catch(() => null);
}

function restOf(waitMs: number, startedAt: number): number {
  return Math.max(0, waitMs - (Date.now() - startedAt));
}

/**
 * A holder counts from when it sent its request, the object from when the hold was taken up: the time in between is the
 * holder's too. Clock rates differ by up to 5 % either way; 0.9 < 0.95 / 1.05.
 */
function creditOf(waitedMs: number): number {
  return Math.floor(Math.max(0, waitedMs) * 0.9);
}

function holdOf(answer: AcquireAnswer): Hold {
  switch (answer.kind) {
    case "acquired":
    case "offered":
      return answer.hold;
    case "held": {
      const { holder, expiresInMs } = answer;
      throw refused("lock_held", undefined, { members: { holder, expiresInMs } });
    }
    case "ended":
      throw refused("not_holder", "the hold that this requestId once got has ended: a new hold takes a new requestId");
    case "overloaded":
      throw overloaded();
  }
}
