/**
 * The mesh API's limits with everything around them in memory: a desk that counts exactly, in the place of the real one
 * and of the limiters behind it, and a Log whose events are believed once the desk was asked to be current.
 */
import type { Counts, PeekAnswer, SettleAnswer } from "../../durable-objects/limiter/contract.ts";
import type { Ack, Cursor, MeshEvent, NewEvent, Page } from "../../durable-objects/log/contract.ts";
import type { Published } from "../../workers/broadcast/publisher.ts";
import type { Limit } from "../../workers/config/mesh.ts";
import { readTarget } from "../../workers/gate/target.ts";
import type { Isolate } from "../../workers/isolate.ts";
import type { LimitDesk } from "../../workers/limit/limit-desk.ts";
import type { Budget, LimiterCalls } from "../../workers/limit/limiter-calls.ts";
import { RulesInForce } from "../../workers/limit/rules-in-force.ts";
import type { Ask, LimitInForce, Taken, TakenAll } from "../../workers/limit/taken.ts";
import { createReserved } from "../../workers/reserved.ts";
import { LimitChanges } from "../../workers/view/limit-changes.ts";

interface Held {
  readonly of: string;
  readonly reserved: number;
  settled: number | null;
}

/** Windows never end here: only what is taken and given back changes a budget. */
class DeskDouble
  implements
    Pick<LimitDesk, "limits" | "find" | "current" | "take">,
    Pick<LimiterCalls, "reserve" | "settle" | "peek" | "reset" | "counts">
{
  readonly used = new Map<string, number>();
  readonly plansAsked: (number | "unlimited")[] = [];
  /** Budgets of which nothing is known here any more. */
  readonly forgotten: string[] = [];
  readonly knowledge = {
    denyKey: ({ name }: LimitInForce, budget: string) => `${name}\n${budget}`,
    denied: { forget: (key: string) => void this.forgotten.push(key) },
    book: { find: () => undefined },
  };
  isReachable = true;
  /** The view's lease is alive, and what came since was not heard. */
  isBehind = false;
  expired = false;
  calls = 0;
  readonly #log: LogDouble;
  readonly #beliefs = new LimitChanges();
  readonly #rules: RulesInForce;
  readonly #held = new Map<string, Held>();

  constructor(filed: ReadonlyMap<string, Limit>, log: LogDouble) {
    this.#log = log;
    this.#rules = new RulesInForce(filed, (name) => this.#beliefs.changeOf(name));
  }

  limits(): ReadonlyMap<string, LimitInForce> {
    return this.#rules.all(Date.now());
  }

  find(name: string): LimitInForce | undefined {
    return this.#rules.find(name, Date.now());
  }

  /** What is believed of the Log, by its number. */
  seq = 0;

  get cursor(): Cursor {
    return { epoch: "e", seq: this.seq };
  }

  async current(): Promise<void> {
    if (this.isBehind) return;
    for (const event of this.#log.events) this.#beliefs.learn("e", event);
    this.seq = this.#log.events.length;
  }

  take(asks: readonly Ask[]): TakenAll {
    this.calls += 1;
    const taken = asks.map((ask) => this.#offer(ask));
    const refusing = taken.findIndex(({ allowed }) => !allowed);
    if (refusing !== -1) {
      return { allowed: false, taken: taken.map((each, index) => (index === refusing ? each : null)) };
    }
    for (const { limit, budget, cost } of asks) this.#add(limit.name, budget, cost);
    return { allowed: true, taken };
  }

  async reserve({ limit, quota, budget }: Budget, cost: number, reservation: string): Promise<Taken | null> {
    this.calls += 1;
    if (!this.isReachable) return null;
    const offered = this.#offer({ limit, budget, cost, amountOf: () => quota, neighbourhood: null });
    if (!offered.allowed) return offered;
    const of = this.#add(limit.name, budget, cost);
    this.#held.set(reservation, { of, reserved: cost, settled: null });
    return offered;
  }

  async settle({ limit, quota, budget }: Budget, reservation: string, cost: number): Promise<SettleAnswer | null> {
    this.calls += 1;
    if (!this.isReachable) return null;
    const held = this.#held.get(reservation);
    if (held === undefined || held.of !== `${limit.name}\n${budget}`) return { v: 1, kind: "unknown" };
    if (this.expired) return { v: 1, kind: "expired" };
    if (held.settled !== null && held.settled !== cost) return { v: 1, kind: "conflict" };
    const more = cost - held.reserved;
    if (held.settled === null) this.#add(limit.name, budget, more);
    held.settled = cost;
    const remaining = Math.max(0, quota - this.#usedOf(limit.name, budget));
    return { v: 1, kind: "settled", returned: Math.max(0, -more), charged: Math.max(0, more), remaining };
  }

  async peek({ limit, quota, budget }: Budget): Promise<PeekAnswer | null> {
    this.calls += 1;
    if (!this.isReachable) return null;
    const used = this.#usedOf(limit.name, budget);
    return { v: 1, used, remaining: Math.max(0, quota - used), resetMs: 60_000, quota };
  }

  reset(of: Budget): Promise<PeekAnswer | null> {
    if (this.isReachable) this.used.delete(`${of.limit.name}\n${of.budget}`);
    return this.peek(of);
  }

  async counts(): Promise<Counts | null> {
    return this.isReachable ? { allowed: 5, refused: 2, nearLimit: 1 } : null;
  }

  #offer({ limit, budget, cost, amountOf }: Ask): Taken {
    const quota = amountOf(limit.quota);
    this.plansAsked.push(quota);
    if (!this.isReachable) {
      return { allowed: false, remaining: 0, resetMs: 1_000, retryAfterMs: 1_000, answeredBy: "fallback", quota };
    }
    const left = quota === "unlimited" ? Number.MAX_SAFE_INTEGER : quota - this.#usedOf(limit.name, budget);
    if (left >= cost) return { allowed: true, remaining: left - cost, resetMs: 60_000, answeredBy: "limiter", quota };
    return { allowed: false, remaining: left, resetMs: 60_000, retryAfterMs: 60_000, answeredBy: "limiter", quota };
  }

  #usedOf(limit: string, budget: string): number {
    return this.used.get(`${limit}\n${budget}`) ?? 0;
  }

  #add(limit: string, budget: string, tokens: number): string {
    const key = `${limit}\n${budget}`;
    this.used.set(key, this.#usedOf(limit, budget) + tokens);
    return key;
  }
}

class LogDouble {
  readonly events: MeshEvent[] = [];
  readonly asked: { readonly ack: Ack; readonly timeoutMs: number }[] = [];
  /** What the next publish comes to. */
  next: Published["kind"] = "published";
  acknowledged = true;
  /** Numbers up to here are not kept as a run any more. */
  floor = 0;
  reads = 0;

  /** An event a page. */
  async read({ cursor }: { readonly cursor: Cursor | null }): Promise<Page> {
    this.reads += 1;
    if (this.next !== "published") throw new Error("the Log is away");
    const { floor, events } = this;
    const isReset = cursor === null || cursor.seq < floor;
    const after = isReset ? floor : cursor.seq;
    const [next] = events.slice(after);
    const page = { v: 1, epoch: "e", after, to: next?.seq ?? after, head: events.length } as const;
    const retained = events.filter(({ seq, retain }) => seq <= floor && retain !== undefined);
    return { ...page, events: next === undefined ? [] : [next], ...(isReset ? { reset: { floor, retained } } : {}) };
  }

  async publish(_context: unknown, event: NewEvent, ack: Ack, timeoutMs: number): Promise<Published> {
    this.asked.push({ ack, timeoutMs });
    if (this.next === "overloaded" || this.next === "malformed") return { kind: this.next, detail: "nothing was done" };
    if (this.next !== "published") return { kind: this.next };
    const seq = this.events.length + 1;
    this.events.push({ v: 1, seq, at: Date.now(), ...event });
    const receipts = ack === "none" ? [] : [{ region: "weur", state: "applied", seq, at: "" } as const];
    return { kind: "published", id: event.id, seq, acknowledged: this.acknowledged, receipts };
  }
}

export interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export class LimitApiWorld {
  readonly log = new LogDouble();
  readonly desk: DeskDouble;
  readonly #reserved = createReserved();
  readonly #isolate: Isolate;

  constructor(filed: readonly Limit[], scopes: readonly string[] = ["mesh:limits"]) {
    const limits = new Map(filed.map((limit) => [limit.name, limit]));
    this.desk = new DeskDouble(limits, this.log);
    // A token verifies to whoever this API is tested with.
    const identity = { issuer: "us", subject: "person", client: "operations", scopes, claims: {} };
    this.#isolate = {
      mesh: { environment: "test", tokens: { issuer: "us" }, limits },
      region: "weur",
      env: { LOG: { getByName: () => this.log } },
      view: this.desk,
      limits: this.desk,
      limiterCalls: this.desk,
      publisher: this.log,
      tokens: { verify: () => Promise.resolve({ kind: "accepted", identity }) },
    } as unknown as Isolate;
  }

  /** `GET /limits/reads`: the path goes through the door's reading of it. */
  async call(line: string, body?: unknown): Promise<Answered> {
    const [method = "", path = ""] = line.split(" ");
    const target = readTarget(`https://mesh.example/_mesh/v1${path}`, null);
    if (target.kind === "refused") return { status: 400, body: { detail: target.detail }, headers: new Headers() };
    const request = new Request(`https://mesh.example${target.path}${target.query}`, {
      method,
      headers: { authorization: "Bearer t" },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const context = { waitUntil: () => undefined } as unknown as ExecutionContext;
    const response = await this.#reserved.fetch(request, this.#isolate, "a-request", context);
    return { status: response.status, body: await response.json(), headers: response.headers };
  }
}
