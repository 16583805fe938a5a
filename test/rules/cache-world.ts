/** A mesh as the cache step sees it: an origin, a Log with a real view on it, a platform cache, a clock that is set by hand. */
import { vi } from "vitest";
import { Cache } from "../../workers/cache/cache.ts";
import type { PlatformCache } from "../../workers/cache/region-copies.ts";
import type { CacheRule, Route } from "../../workers/config/mesh.ts";
import { cached } from "../../workers/gate/cached.ts";
import { readHead } from "../../workers/gate/fields.ts";
import type { Passage } from "../../workers/gate/passage.ts";
import type { UpstreamAnswer } from "../../workers/gate/upstream.ts";
import type { MeshEvent } from "../../durable-objects/log/contract.ts";
import type { Identity } from "../../workers/token/identity.ts";
import type { InvalidationData } from "../../workers/view/invalidation-data.ts";
import { View } from "../../workers/view/view.ts";

export interface Asked {
  readonly method: string;
  readonly url: string;
  /** As the origin sees them, without the mesh's own. */
  readonly headers: Headers;
  readonly identity: Identity | null;
}

export type Origin = (asked: Asked) => UpstreamAnswer | Promise<UpstreamAnswer>;

export interface Wanted {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly host?: string;
  readonly scheme?: "http" | "https";
  readonly identity?: Identity | null;
  readonly address?: string;
  /** null: a route without a cache. */
  readonly rule?: Partial<CacheRule> | null;
  readonly route?: string;
  readonly head?: Readonly<Record<string, string>>;
}

/** A whole second, so that Date fields lose nothing. */
const startOfTime = Date.UTC(2026, 10, 21, 12, 0, 0);
const viewLeaseMs = 1_000;

export class PlatformCacheMemory implements PlatformCache {
  readonly kept = new Map<string, { readonly body: ArrayBuffer; readonly headers: Headers }>();
  isBroken = false;

  async match(url: string): Promise<Response | undefined> {
    if (this.isBroken) throw new Error("the platform's cache is away");
    const found = this.kept.get(url);
    return found === undefined ? undefined : new Response(found.body, { headers: found.headers });
  }

  async put(url: string, response: Response): Promise<void> {
    if (this.isBroken) throw new Error("the platform's cache is away");
    this.kept.set(url, { body: await response.arrayBuffer(), headers: new Headers(response.headers) });
  }

  async delete(url: string): Promise<boolean> {
    if (this.isBroken) throw new Error("the platform's cache is away");
    return this.kept.delete(url);
  }
}

/** One Log: what isolates of one world pull their views from. */
export class Feed {
  readonly events: MeshEvent[] = [];
  isReachable = true;

  invalidate(data: Partial<InvalidationData>): void {
    const seq = this.events.length + 1;
    const whole: InvalidationData = { mode: "purge", ...data };
    this.events.push({ v: 1, id: `e${seq}`, seq, at: Date.now(), type: "invalidation", data: whole });
  }

  view(): View {
    return new View({
      regions: ["weur"],
      clock: () => Date.now(),
      ask: async (_region, { cursor }) => {
        if (!this.isReachable) return { v: 1, kind: "not_current" };
        const head = this.events.length;
        const after = cursor?.seq ?? head;
        const reset = cursor === null ? { reset: { floor: head, retained: [] } } : {};
        const page = { v: 1, epoch: "a", after, to: head, head, events: this.events.slice(after), ...reset } as const;
        return { v: 1, kind: "view", leaseMs: viewLeaseMs, page };
      },
    });
  }
}

export class World {
  readonly cache: Cache;
  readonly platform: PlatformCacheMemory;
  readonly feed: Feed;
  readonly view: View;
  /** What the origin was asked, in order. */
  readonly asked: Asked[] = [];
  readonly #work: Promise<unknown>[] = [];
  #origin: Origin;

  constructor(origin: Origin, shared: { platform?: PlatformCacheMemory; feed?: Feed; maxBytes?: number } = {}) {
    const { feed = new Feed(), maxBytes, platform = new PlatformCacheMemory() } = shared;
    this.#origin = origin;
    this.feed = feed;
    this.platform = platform;
    this.view = feed.view();
    const size = maxBytes === undefined ? {} : { maxBytes };
    this.cache = new Cache({
      region: "weur",
      environment: "test",
      configVersion: "1",
      open: async () => platform,
      ...size,
    });
  }

  /** Another isolate of the same region. */
  neighbour(): World {
    return new World((asked) => this.#origin(asked), { platform: this.platform, feed: this.feed });
  }

  answerWith(origin: Origin): void {
    this.#origin = origin;
  }

  /** The answer's head as soon as it is there. */
  async begin(wanted: Wanted = {}): Promise<Response> {
    const { headers = {}, host = "api.example.com", method = "GET", path = "/a", scheme = "https" } = wanted;
    const { address = "192.0.2.1", identity = null, route = "GET /*" } = wanted;
    const [pathOnly = "", query] = path.split("?", 2);
    const [name = ""] = host.split(":", 1);
    const request = new Request(`${scheme}://${host}${path}`, { method, headers });
    const cacheRule = wanted.rule === null ? null : { ...plainRule, ...wanted.rule };
    const at = { host: name.toLowerCase(), path: pathOnly, query: query === undefined ? "" : `?${query}` };
    const passage = {
      ...at,
      request,
      fields: readHead(request.headers, request.url).fields,
      identity,
      address,
      now: Date.now(),
      requestId: "0123456789abcdef0123456789abcdef",
      head: { "Mesh-Region": "weur", ...wanted.head },
      route: { name: route, cache: cacheRule, cors: null } as unknown as Route,
      context: { waitUntil: (work: Promise<unknown>) => this.#work.push(work) },
      isolate: { cache: this.cache, view: this.view, mesh: { routes: [{ cache: plainRule }] } },
    } as unknown as Passage;
    return await cached(passage, async ({ fields = {} }) => {
      const sent = new Headers(headers);
      for (const [field, value] of Object.entries(fields)) {
        if (value === null) sent.delete(field);
        else sent.set(field, value);
      }
      const question = { method, url: request.url, headers: sent, identity };
      this.asked.push(question);
      return await this.#origin(question);
    });
  }

  /** The whole answer, and what was kept of it is kept. */
  async get(wanted: Wanted = {}): Promise<Answer> {
    const response = await this.begin(wanted);
    const body = await response.text();
    await this.settle();
    const { headers, status } = response;
    return { status, headers, body, said: headers.get("cache-status") ?? "" };
  }

  async settle(): Promise<void> {
    while (this.#work.length > 0) await Promise.all(this.#work.splice(0));
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** Cache-Status. */
  readonly said: string;
}

const plainRule: CacheRule = {
  freshness: "leased",
  defaultTtlMs: 0,
  tags: [],
  partition: [],
  maxObjectBytes: 1_048_576,
};

export function person(subject: string, more: Partial<Identity> = {}): Identity {
  const identity = { issuer: "https://id.example.com", subject, client: null, tenant: null, roles: [], scopes: [] };
  return { ...identity, claims: {}, expiresAt: 4_000_000_000, ...more };
}

/** Sets the clock, and moves it. */
export const clock = {
  start(): void {
    vi.useFakeTimers({ toFake: ["Date"], now: startOfTime });
  },
  pass(ms: number): void {
    vi.setSystemTime(Date.now() + ms);
  },
  stop(): void {
    vi.useRealTimers();
  },
};

/** An answer of the origin, dated now. */
export function answer(
  headers: Readonly<Record<string, string>>,
  { body = "a body", status = 200 }: { readonly body?: string | null; readonly status?: number } = {},
): Response {
  return new Response(body, { status, headers: { Date: new Date().toUTCString(), ...headers } });
}
