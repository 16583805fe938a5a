/** T4 and T5 with the real decisions in virtual time: how often an issuer is asked, and whose tokens are refused. */
import { beforeAll, describe, expect, test } from "vitest";
import type { KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import { mintKey, type MintedKey } from "../support/token-mint.ts";
import { honoScore, joseScore, type PeerWorld } from "./issuer-peers.ts";
import { type Arrival, IssuerPlanet } from "./issuer-planet.ts";
import { VirtualTime } from "./virtual-time.ts";

const second = 1_000;
const minute = 60_000;
const hour = 3_600_000;
const isolates = 100;
const source: KeySetSource = {
  issuer: "https://id.example.com",
  jwksUri: null,
  ttlMs: 10 * minute,
  cooldownMs: 30 * second,
  maxStaleMs: 24 * hour,
};
const seed = Math.floor(Math.random() * 1_000_000_000);

let key: MintedKey;
let next: MintedKey;

beforeAll(async () => {
  [key, next] = await Promise.all([mintKey("k1"), mintKey("k2")]);
  console.info(`issuers from seed ${seed}`);
});

/** So many tokens of this key id, evenly over the time, each to any isolate. */
function arrivals(from: number, to: number, count: number, kid: (index: number) => string): readonly Arrival[] {
  const dice = new VirtualTime(seed);
  return Array.from({ length: count }, (_, index) => ({
    at: from + ((to - from) * index) / count,
    isolate: Math.floor(dice.random() * isolates),
    kid: kid(index),
  }));
}

const good = () => "k1";
const verdictsOf = (planet: IssuerPlanet, kid?: string) => {
  const counts: Record<string, number> = {};
  for (const one of planet.judged) {
    if (kid === undefined || one.kid === kid) counts[one.verdict] = (counts[one.verdict] ?? 0) + 1;
  }
  return counts;
};

/** Doubled from a second to five minutes, of which jitter takes at most half. */
function expectBackoff(fetches: readonly { readonly at: number; readonly isGood: boolean }[]): void {
  const failed = fetches.filter(({ isGood }) => !isGood);
  for (const [index, { at }] of failed.slice(1).entries()) {
    expect(at - (failed[index]?.at ?? 0)).toBeGreaterThanOrEqual(Math.min(300_000, 1_000 * 2 ** index) / 2);
  }
}

describe("T5 an issuer that is down for an hour", () => {
  const downAt = 5 * minute;
  const upAt = downAt + hour;
  const end = upAt + 10 * minute;
  const all = arrivals(downAt, upAt, 36_000, good);
  /** Every ten minutes all isolates are other ones: the first are as cold as the last. */
  const restarts = Array.from({ length: 6 * isolates }, (_, index) => ({
    at: downAt + (index * hour) / (6 * isolates),
    isolate: index % isolates,
  }));

  test("is asked once a backoff step by the whole mesh, and no good token is refused by 100 cold isolates", async () => {
    using planet = new IssuerPlanet(seed, isolates, source);
    planet.published = [key.publicJwk];
    planet.arrive([{ at: 0, isolate: 0, kid: "k1" }]);
    await planet.run(minute);
    for (let isolate = 0; isolate < isolates; isolate += 1) planet.restart(isolate);
    planet.time.after(downAt - planet.time.now, () => (planet.published = null));
    for (const { at, isolate } of restarts) planet.time.after(at - minute, () => planet.restart(isolate));
    planet.arrive(all);
    await planet.run(upAt - minute);
    const { staleUses, state, failures } = planet.describe();
    const fetches = planet.fetches.length;
    expect(verdictsOf(planet)).toEqual({ accepted: 36_001 });
    expectBackoff(planet.fetches);
    // 1 + 2 + 4 … seconds reach five minutes after nine steps; the rest of the hour has at most a step each 150 s.
    expect(fetches).toBeGreaterThan(5);
    expect(fetches).toBeLessThanOrEqual(1 + 9 + 1 + hour / 150_000);
    expect({ state, failures }).toEqual({ state: "stale", failures: fetches - 1 });
    // Five minutes of the hour were within the TTL; what was used after the last question is not told yet.
    expect(staleUses).toBeGreaterThan(30_000);

    planet.published = [key.publicJwk];
    planet.arrive(arrivals(upAt, end, 6_000, good));
    await planet.run(end - upAt);
    expect(verdictsOf(planet)).toEqual({ accepted: 42_001 });
    expect(planet.fetches.at(-1)?.isGood).toBe(true);
    const calls = planet.calls;

    const world: PeerWorld = {
      isolates,
      key,
      // The others get warm isolates to begin with.
      arrivals: [...Array.from({ length: isolates }, (_, isolate) => ({ at: 0, isolate, kid: "k1" })), ...all],
      restarts,
      isUp: (at) => at < downAt,
    };
    const [jose, hono] = [await joseScore(world), await honoScore(world)];
    console.info("an hour down, 100 isolates, 36 000 good tokens: fetches and good tokens refused", {
      selvedge: { fetches, goodRefused: 0, staleUses, callsOfTheObject: calls },
      jose,
      hono,
    });
    expect(jose.fetches).toBeGreaterThan(100 * fetches);
    expect(jose.goodRefused).toBeGreaterThan(1_000);
    expect(hono.fetches).toBe(36_000 + isolates);
  });

  test("from before the first fetch is asked as seldom, and its tokens are good once it answers", async () => {
    using planet = new IssuerPlanet(seed, isolates, source);
    planet.published = null;
    // A request waits for the set for up to seven seconds: the last one has its verdict by the end, too.
    planet.arrive(arrivals(0, 20 * minute - 10 * second, 12_000, good));
    await planet.run(20 * minute);
    expect(verdictsOf(planet)).toEqual({ keys_unavailable: 12_000 });
    expectBackoff(planet.fetches);
    expect(planet.fetches.length).toBeLessThanOrEqual(9 + 1 + (20 * minute) / 150_000);
    planet.published = [key.publicJwk];
    planet.arrive(arrivals(26 * minute, 27 * minute, 600, good));
    await planet.run(7 * minute);
    expect(planet.judged.slice(12_000).map(({ verdict }) => verdict)).toEqual(
      Array.from({ length: 600 }, () => "accepted"),
    );
  });

  test("for longer than its set may be used has its tokens refused from then on, and not before", async () => {
    using planet = new IssuerPlanet(seed, isolates, { ...source, maxStaleMs: hour });
    planet.published = [key.publicJwk];
    planet.arrive([{ at: 0, isolate: 0, kid: "k1" }]);
    await planet.run(second);
    planet.published = null;
    planet.arrive(arrivals(minute, 2 * hour, 7_000, good));
    await planet.run(2 * hour);
    const fetchedAt = planet.fetches[0]?.at ?? 0;
    const endsAt = fetchedAt + hour - (planet.now - planet.time.now);
    for (const { at, verdict } of planet.judged)
      expect([at, verdict]).toEqual([at, at <= endsAt ? "accepted" : "keys_unavailable"]);
    expect(planet.describe().state).toBe("ended");
    expect(verdictsOf(planet)["keys_unavailable"]).toBeGreaterThan(1_000);
  });
});

describe("T5 a flood of random key ids", () => {
  const forMs = 100 * second;
  const flood = arrivals(0, forMs, 10_000, (index) => `random-${index}`);
  const between = arrivals(0, forMs, 1_000, good);

  test("of 10 000 over 100 isolates causes a fetch a cooldown, and costs no good token", async () => {
    using planet = new IssuerPlanet(seed, isolates, source);
    planet.published = [key.publicJwk];
    planet.arrive([{ at: 0, isolate: 0, kid: "k1" }]);
    await planet.run(minute);
    const before = planet.fetches.length;
    const shift = (one: Arrival) => ({ ...one, at: one.at + minute });
    planet.arrive([...flood, ...between].map(shift));
    await planet.run(forMs + 10 * second);
    const fetches = planet.fetches.length - before;
    expect(verdictsOf(planet, "k1")).toEqual({ accepted: 1_001 });
    expect(verdictsOf(planet)).toEqual({ accepted: 1_001, key_unknown: 10_000 });
    expect(fetches).toBeGreaterThan(0);
    expect(fetches).toBeLessThanOrEqual(Math.ceil(forMs / source.cooldownMs));

    const world: PeerWorld = { isolates, key, arrivals: [...flood, ...between], isUp: () => true };
    const [jose, hono] = [await joseScore(world), await honoScore(world)];
    console.info("10 000 random key ids in 100 s, 100 isolates, and 1000 good tokens: fetches", {
      selvedge: { fetches, goodRefused: 0, callsOfTheObject: planet.calls },
      jose,
      hono,
    });
    expect(jose.fetches).toBeGreaterThan(10 * fetches);
    expect(hono.fetches).toBe(11_000);
  });

  test("while the issuer is down causes a fetch a backoff step", async () => {
    using planet = new IssuerPlanet(seed, isolates, source);
    planet.published = [key.publicJwk];
    planet.arrive([{ at: 0, isolate: 0, kid: "k1" }]);
    await planet.run(minute);
    planet.published = null;
    const shift = (one: Arrival) => ({ ...one, at: one.at + minute });
    planet.arrive([...flood, ...between].map(shift));
    await planet.run(forMs + 10 * second);
    expect(verdictsOf(planet, "k1")).toEqual({ accepted: 1_001 });
    expectBackoff(planet.fetches);
    expect(planet.fetches.length).toBeLessThanOrEqual(1 + Math.ceil(forMs / source.cooldownMs));
  });
});

describe("T4 T5 rotation", () => {
  test("every token of a new key is accepted from the first on, in 100 isolates, for one fetch", async () => {
    using planet = new IssuerPlanet(seed, isolates, source);
    planet.published = [key.publicJwk];
    planet.arrive(arrivals(0, 2 * minute, 1_000, good));
    await planet.run(2 * minute);
    expect(planet.fetches).toHaveLength(1);
    planet.published = [key.publicJwk, next.publicJwk];
    planet.arrive(arrivals(2 * minute, 3 * minute, 3_000, (index) => (index % 2 === 0 ? "k2" : "k1")));
    await planet.run(minute + second);
    expect(verdictsOf(planet)).toEqual({ accepted: 4_000 });
    expect(planet.fetches).toHaveLength(2);
  });

  test("tokens of a removed key are refused everywhere after the TTL and the event, for one fetch", async () => {
    using planet = new IssuerPlanet(seed, isolates, source);
    planet.published = [key.publicJwk, next.publicJwk];
    planet.arrive(arrivals(0, 15 * minute, 9_000, (index) => (index % 2 === 0 ? "k2" : "k1")));
    await planet.run(minute);
    planet.published = [next.publicJwk];
    await planet.run(15 * minute);
    const fetchedAt = planet.fetches[1]?.at ?? 0;
    const goneAt = fetchedAt - (planet.now - planet.time.now) + 200 + 200 + 1_000;
    expect(goneAt).toBeLessThan(11 * minute);
    expect(verdictsOf(planet, "k2")).toEqual({ accepted: 4_500 });
    const after = planet.judged.filter(({ at, kid }) => kid === "k1" && at > goneAt);
    expect(after.length).toBeGreaterThan(1_000);
    expect(after.filter(({ verdict }) => verdict !== "key_unknown")).toEqual([]);
    // Whoever still sends such tokens names an unknown key: a fetch a cooldown.
    expect(planet.fetches.length).toBeLessThanOrEqual(2 + Math.ceil((5 * minute) / source.cooldownMs));
  });
});
