/**
 * The most object calls a day that limits may cost, over the whole mesh: a limit on the limits' own calls, held by a
 * limiter like any other and leased like any other. Past it no limiter is asked, what is leased is spent, and then each
 * limit's `onError` holds; the operator is told.
 */
import type { LimiterContract } from "../../durable-objects/limiter/contract.ts";
import { DenyTable } from "./deny-table.ts";
import { LimitDesk } from "./limit-desk.ts";
import type { Rules } from "./rules.ts";
import type { Ask, LimitInForce, Waits } from "./taken.ts";

const dayMs = 86_400_000;
/** Between two alerts of one isolate, ms. */
const alertEveryMs = 60_000;
/** No configured limit can have such a name. */
const name = "_calls";

export interface CostCapParts {
  readonly callsPerDay: number;
  readonly limiter: (limit: string, budget: string) => LimiterContract;
  readonly clock?: () => number;
}

/** Whether one more call is affordable. The calls that tell so are not counted: they are few, because they are leased. */
export function costCap({ callsPerDay, limiter, clock = Date.now }: CostCapParts) {
  const limit: LimitInForce = {
    name,
    by: [{ kind: "key" }],
    algorithm: "fixed-window",
    quota: callsPerDay,
    windowMs: dayMs,
    burst: 0,
    mode: "enforce",
    // A cap that cannot be asked must not close what it is to protect.
    onError: "open",
    timeoutMs: 1_000,
    methods: null,
    prefix: { ipv4: 32, ipv6: 64 },
    version: null,
  };
  const desk = new LimitDesk({
    rules: fixed(limit),
    limiter,
    isAllShadow: false,
    clock,
    denials: (seed) => new DenyTable(seed),
  });
  const ask: Ask = { limit, budget: "all", cost: 1, neighbourhood: null, amountOf: () => callsPerDay };
  let alertedAt = -Infinity;

  function tell(isAllowed: boolean): boolean {
    if (!isAllowed && clock() - alertedAt >= alertEveryMs) {
      alertedAt = clock();
      console.error({ event: "cost_cap_reached", callsPerDay });
    }
    return isAllowed;
  }

  return (context: Waits): boolean | Promise<boolean> => {
    const taken = desk.take([ask], context);
    return taken instanceof Promise ? taken.then(({ allowed }) => tell(allowed)) : tell(taken.allowed);
  };
}

function fixed(limit: LimitInForce): Rules {
  const all = new Map([[limit.name, limit]]);
  return {
    find: (wanted) => all.get(wanted),
    all: () => all,
    current: () => true,
    hear: () => undefined,
    resets: () => 0,
  };
}
