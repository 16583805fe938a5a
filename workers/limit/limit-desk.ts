/**
 * The edge half of limits: where an isolate asks for tokens. It answers by itself what it can prove (unlimited, quota
 * 0, refused a moment ago), asks the limiter for the rest, and holds to the limit's policy when that cannot be reached.
 */
import type { FixedWindowRule, LimiterContract, PeekAnswer } from "../../durable-objects/limiter/contract.ts";
import type { Local } from "../config/local.ts";
import type { Limit, Mesh } from "../config/mesh.ts";
import { DenyCache, denialOf } from "./deny-cache.ts";
import { reach } from "./reach.ts";

export interface LimitDeskParts {
  readonly mesh: Mesh;
  /** A fresh port to the single writer of a budget: after an exception the last one is dead. */
  readonly limiter: (limit: string, budget: string) => LimiterContract;
  readonly local: Local | null;
  /** ms since 1970. */
  readonly clock?: () => number;
}

/** What of an execution context is needed: work that goes on after the answer. */
export type Waits = Pick<ExecutionContext, "waitUntil">;

export interface Taken {
  /** What holds for the caller: in shadow mode always true. */
  readonly allowed: boolean;
  /** Tokens the budget still has, as far as is known; 0 when it is not. */
  readonly remaining: number;
  /** Until the window ends, ms. */
  readonly resetMs: number;
  /** With a refusal: when asking again may help, ms. */
  readonly retryAfterMs?: number;
  readonly answeredBy: "limiter" | "deny_cache" | "fallback";
  readonly quota: number | "unlimited";
  /** What was charged, for giving it back; null when nothing was. */
  readonly charged: { readonly requestId: string; readonly window: number; readonly tokens: number } | null;
}

/** When the limiter cannot be reached: how long a refused client should wait, ms. */
const fallbackRetryMs = 1_000;

export class LimitDesk {
  readonly #limits: ReadonlyMap<string, Limit>;
  readonly #limiter: LimitDeskParts["limiter"];
  readonly #isAllShadow: boolean;
  readonly #clock: () => number;
  readonly #denied = new DenyCache();
  /** Made at the first use: randomness is refused at module start. */
  #idPrefix: string | null = null;
  #ids = 0;

  constructor({ mesh, limiter, local, clock = Date.now }: LimitDeskParts) {
    this.#limits = mesh.limits;
    this.#limiter = limiter;
    this.#isAllShadow = local?.limits === "shadow";
    this.#clock = clock;
  }

  /** The limits in force. */
  limits(): ReadonlyMap<string, Limit> {
    return this.#limits;
  }

  enforces(limit: Limit): boolean {
    return limit.mode === "enforce" && !this.#isAllShadow;
  }

  /** Takes `cost` tokens from a budget, all or none. A whole cost from 0 to `maxTokens`; `now` is when the caller's request came. */
  take(limit: Limit, budget: string, cost: number, context: Waits, now: number): Taken | Promise<Taken> {
    const { quota } = limit;
    if (quota === "unlimited") {
      return {
        allowed: true,
        remaining: Number.MAX_SAFE_INTEGER,
        resetMs: 0,
        answeredBy: "limiter",
        quota,
        charged: null,
      };
    }
    return this.refusal(limit, budget, cost, now) ?? this.#charge({ limit, budget, cost, quota, context, now });
  }

  /** The refusal that needs no call, or null when only the limiter can tell. */
  refusal(limit: Limit, budget: string, cost: number, now: number): Taken | null {
    const { quota, windowMs } = limit;
    if (quota === 0) return this.#refused(limit, 0, windowMs - (now % windowMs), "deny_cache");
    const denial = this.#denied.find(keyOf(limit, budget), cost, now);
    return denial === null ? null : this.#refused(limit, denial.remaining, denial.resetAt - now, "deny_cache");
  }

  /** Returns what `take` charged, after the answer. Best effort: a return that is lost leaves too little, never too much. */
  giveBack(limit: Limit, budget: string, { charged }: Taken, context: Waits): void {
    if (charged === null) return;
    this.#denied.forget(keyOf(limit, budget));
    const { requestId, window, tokens } = charged;
    const request = { v: 1, requestId, returns: [{ budget, window, tokens }] } as const;
    context.waitUntil(reach(() => this.#limiter(limit.name, budget).giveBack(request)));
  }

  /** Looks, and changes nothing; null when the limiter cannot be reached. `quota` must be a number. */
  async peek(limit: Limit, quota: number, budget: string): Promise<PeekAnswer | null> {
    const request = { v: 1, rule: ruleOf(limit, quota), budget } as const;
    const reached = await reach(() => this.#limiter(limit.name, budget).peek(request));
    return reached.kind === "answered" ? reached.answer : null;
  }

  async #charge({ limit, budget, cost, quota, context, now }: Asked): Promise<Taken> {
    const requestId = this.#newId();
    const request = { v: 1, requestId, rule: ruleOf(limit, quota), charges: [{ budget, cost, lease: 0 }] } as const;
    const reached = await reach(async () => {
      const { answers } = await this.#limiter(limit.name, budget).charge(request);
      const [answer] = answers;
      if (answer === undefined) throw new Error("expected one answer for one charge: received none");
      return answer;
    });
    if (reached.kind === "unreachable") {
      console.warn({ event: "limiter_unreachable", limit: limit.name, onError: limit.onError, reason: reached.reason });
      const fallback = this.#fallback(limit);
      if (!fallback.allowed) {
        // Refused requests cost nothing: should the charge have been made after all, it goes back.
        const late = reached.late.then((answer) => {
          if (answer?.kind !== "granted") return;
          this.giveBack(
            limit,
            budget,
            { ...fallback, charged: { requestId, window: answer.window, tokens: cost } },
            context,
          );
        });
        context.waitUntil(late);
      }
      return fallback;
    }
    const { answer } = reached;
    if (answer.kind === "refused") {
      const denial = denialOf(answer.remaining, answer.resetMs, now, this.#clock());
      this.#denied.learn(keyOf(limit, budget), denial);
      if (!this.enforces(limit)) console.log({ event: "limit_would_refuse", limit: limit.name });
      return this.#refused(limit, answer.remaining, answer.resetMs, "limiter");
    }
    const { remaining, resetMs, window } = answer;
    const charged = cost === 0 ? null : { requestId, window, tokens: cost };
    return { allowed: true, remaining, resetMs, answeredBy: "limiter", quota: answer.quota, charged };
  }

  #refused(limit: Limit, remaining: number, resetMs: number, answeredBy: "limiter" | "deny_cache"): Taken {
    const { quota } = limit;
    const known = { remaining, resetMs, answeredBy, quota, charged: null } as const;
    return this.enforces(limit) ? { ...known, allowed: false, retryAfterMs: resetMs } : { ...known, allowed: true };
  }

  #fallback(limit: Limit): Taken {
    const { quota } = limit;
    const known = { remaining: 0, answeredBy: "fallback", quota, charged: null } as const;
    return limit.onError === "open" || !this.enforces(limit)
      ? { ...known, allowed: true, resetMs: 0 }
      : { ...known, allowed: false, resetMs: fallbackRetryMs, retryAfterMs: fallbackRetryMs };
  }

  /** Unique without randomness for each request, which shows in profiles. */
  #newId(): string {
    this.#idPrefix ??= crypto.randomUUID();
    this.#ids += 1;
    return `${this.#idPrefix}.${this.#ids.toString(36)}`;
  }
}

interface Asked {
  readonly limit: Limit;
  readonly budget: string;
  readonly cost: number;
  readonly quota: number;
  readonly context: Waits;
  readonly now: number;
}

function ruleOf({ algorithm, name, windowMs }: Limit, quota: number): FixedWindowRule {
  return { algorithm, name, version: 0, quota, windowMs };
}

/** A limit's name holds no line feed. */
function keyOf(limit: Limit, budget: string): string {
  return `${limit.name}\n${budget}`;
}
