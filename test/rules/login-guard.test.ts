/** L9: how many secrets may be tried, by the limiter's own core behind the guard, at a virtual time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { compile } from "../../workers/config/compile.ts";
import { budgetsOf, type LoginAttempt } from "../../workers/login/login-budgets.ts";
import { delayOf, longestDelayMs } from "../../workers/login/login-delay.ts";
import { adminFacts } from "../../workers/token/admin-client.ts";
import { withTop } from "../support/configurations.ts";
import { LoginWorld, secret, settings } from "./login-world.ts";

const wrong = { kind: "checked", result: false } as const;
const right = { kind: "checked", result: true } as const;

describe("L9 by account and address together", () => {
  test("L9 of n parallel guesses at most `failures` are tried, and the others are told when to come again", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 10 }), async (count, failures) => {
        const world = new LoginWorld({ ...settings, failures });
        const answers = await world.flood(count, () => world.login("ada", "wrong"));
        expect(world.tried).toBe(Math.min(count, failures));
        for (const answer of answers.filter(({ kind }) => kind === "refused")) {
          const { retryAfterMs } = answer as { readonly retryAfterMs: number };
          expect(retryAfterMs).toBeGreaterThan(0);
          expect(retryAfterMs).toBeLessThanOrEqual(settings.windowMs + 1);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("L9 of the guesses that come in any interval of the window at most `failures` are tried", async () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(gaps, async (afterMs) => {
        const world = new LoginWorld();
        const triedAt: number[] = [];
        for (const ms of afterMs) {
          world.now += ms;
          if ((await world.login("ada", "wrong")).kind === "checked") triedAt.push(world.now);
        }
        for (const from of triedAt) {
          const inWindow = triedAt.filter((at) => at >= from && at <= from + settings.windowMs);
          expect(inWindow.length).toBeLessThanOrEqual(settings.failures);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("L9 after the time that it was told, a right secret is let in", async () => {
    const world = new LoginWorld();
    await world.flood(9, () => world.login("ada", "wrong"));
    const refused = await world.login("ada", "right");
    expect(refused).toMatchObject({ kind: "refused" });
    world.now += refused.kind === "refused" ? refused.retryAfterMs : 0;
    expect(await world.login("ada", "right")).toEqual(right);
  });

  test("L9 attempts in flight count: while they are checked nobody else's secret is looked at", async () => {
    const world = new LoginWorld();
    const checks = Promise.withResolvers<boolean>();
    const ada = (check: () => Promise<boolean>) =>
      world.attempt({ kind: "account", account: "ada", address: "192.0.2.1" }, check);
    const inFlight = Array.from({ length: settings.failures }, () => ada(() => checks.promise));
    await expect.poll(() => world.tried).toBe(settings.failures);
    const waiting = world.login("ada", "right");
    await settled();
    expect(world.tried).toBe(settings.failures);
    checks.resolve(true);
    await Promise.all(inFlight);
    expect(await waiting).toEqual(right);
  });

  test("L9 right secrets that come at once are all let in, however many there are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 10 }), async (count, failures) => {
        const world = new LoginWorld({ ...settings, failures });
        const answers = await world.flood(count, () => world.login("ada", "right"));
        expect(answers).toEqual(answers.map(() => right));
      }),
      { numRuns: 50 },
    );
  });

  test("L9 of right and wrong secrets at once at most `failures` wrong ones are tried, at whatever edges", async () => {
    const secrets = fc.array(fc.record({ isRight: fc.boolean(), edge: fc.nat(2) }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(secrets, fc.integer({ min: 1, max: 5 }), async (given, failures) => {
        const world = new LoginWorld({ ...settings, failures });
        const answers = await Promise.all(
          given.map(({ isRight, edge }) => world.at(edge).login("ada", isRight ? "right" : "wrong")),
        );
        expect(answers.filter((answer) => answer.kind === "checked" && !answer.result).length).toBeLessThanOrEqual(
          failures,
        );
      }),
      { numRuns: 100 },
    );
  });

  test("L9 who waits behind wrong secrets is refused as soon as they are known to be wrong, for no further call", async () => {
    const world = new LoginWorld();
    const answers = await world.flood(30, () => world.login("ada", "wrong"));
    expect(answers.filter(({ kind }) => kind === "refused")).toHaveLength(25);
    expect(world.calls.filter((call) => call.startsWith("reserve _login 1"))).toHaveLength(30);
  });

  test("L9 nobody waits longer than five seconds, nor more than 64 behind one place", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const world = new LoginWorld();
    const never = () => new Promise<boolean>(() => undefined);
    const ada = () => world.attempt({ kind: "account", account: "ada", address: "192.0.2.1" }, never);
    for (let index = 0; index < settings.failures; index += 1) void ada();
    await expect.poll(() => world.tried).toBe(settings.failures);
    let refused = 0;
    const waiting = world.flood(70, () => world.login("ada", "right").finally(() => (refused += 1)));
    // Names are digested beside this clock: those who find no room are refused before it moves.
    for (let turn = 0; turn < 1_000; turn += 1) await new Promise(setImmediate);
    expect(refused).toBe(6);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(refused).toBe(6);
    await vi.advanceTimersByTimeAsync(1);
    expect((await waiting).every(({ kind }) => kind === "refused")).toBe(true);
    vi.useRealTimers();
  });

  test("L9 attempts that were cut off are waited for no more after a while", async () => {
    const world = new LoginWorld({ failures: 1, windowMs: 60_000 });
    void world.attempt({ kind: "account", account: "ada", address: "192.0.2.1" }, () => new Promise(() => undefined));
    await expect.poll(() => world.tried).toBe(1);
    world.now += 15_000;
    expect(await world.login("ada", "right")).toMatchObject({ kind: "refused" });
  });

  test("L9 an attempt that crashes counts like a failure", async () => {
    const world = new LoginWorld();
    const crash = () =>
      world.attempt({ kind: "account", account: "ada", address: "192.0.2.1" }, () =>
        Promise.reject(new Error("the isolate is gone")),
      );
    for (let index = 0; index < settings.failures; index += 1) await expect(crash()).rejects.toThrow("is gone");
    expect(await world.login("ada", "right")).toMatchObject({ kind: "refused" });
  });

  test("L9 a crash of the limiters gives no guess back, and costs those who have not failed one place", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5 }), async (before) => {
        const world = new LoginWorld();
        await world.flood(before, () => world.login("ada", "wrong"));
        world.crash();
        await world.flood(20, () => world.login("ada", "wrong"));
        expect(world.tried).toBeLessThanOrEqual(settings.failures);
        expect(await world.login("ada", "right", "192.0.2.2")).toEqual(right);
      }),
      { numRuns: 20 },
    );
  });

  test("L9 a success does not count, however many there are and whatever failed between", async () => {
    const world = new LoginWorld();
    for (let index = 0; index < 50; index += 1) expect(await world.login("ada", "right")).toEqual(right);
    for (let index = 0; index < settings.failures; index += 1) {
      expect(await world.login("ada", "right")).toEqual(right);
      expect(await world.login("ada", "wrong")).toEqual(wrong);
    }
    expect(world.waits).toEqual([]);
    // Nor does it wipe out what failed.
    expect(await world.login("ada", "wrong")).toMatchObject({ kind: "refused" });
  });
});

describe("L9 by account alone and by address alone", () => {
  test("L9 a right secret from another address is never refused, and waits five seconds at most", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 2, max: 250 }), { maxLength: 80 }), async (attackers) => {
        const world = new LoginWorld();
        await world.flood(attackers.length, (index) => world.login("ada", "wrong", `192.0.2.${attackers[index]}`));
        world.waits.length = 0;
        expect(await world.login("ada", "right", "192.0.2.1")).toEqual(right);
        expect(Math.max(0, ...world.waits)).toBeLessThanOrEqual(longestDelayMs);
      }),
      { numRuns: 50 },
    );
  });

  test("L9 one address does not even delay another", async () => {
    const world = new LoginWorld();
    await world.flood(1_000, () => world.login("ada", "wrong", "192.0.2.66"));
    world.waits.length = 0;
    expect(await world.login("ada", "right", "192.0.2.1")).toEqual(right);
    expect(world.waits).toEqual([]);
  });

  test("L9 guesses on one account from many addresses wait longer and longer", async () => {
    const world = new LoginWorld();
    await world.flood(60, (index) => world.login("ada", "wrong", `192.0.2.${index}`));
    expect(world.tried).toBe(60);
    expect(world.waits).toHaveLength(60 - settings.failures - 1);
    const [first = Infinity, second = 0] = world.waits;
    expect(second).toBeGreaterThan(first);
    expect(world.waits).toEqual(world.waits.toSorted((one, other) => one - other));
    expect(world.waits.filter((ms) => ms === longestDelayMs).length).toBeGreaterThan(40);
  });

  test("L9 guesses from one address on many accounts wait longer and longer", async () => {
    const world = new LoginWorld();
    await world.flood(60, (index) => world.login(`name-${index}`, "wrong"));
    expect(world.tried).toBe(60);
    expect(world.waits.at(-1)).toBe(longestDelayMs);
    expect(world.waits).toEqual(world.waits.toSorted((one, other) => one - other));
  });

  test("L9 a flood of other names resets nothing and locks nobody out", async () => {
    const world = new LoginWorld();
    await world.flood(settings.failures, () => world.login("ada", "wrong", "192.0.2.66"));
    const addresses = ["192.0.2.66", "192.0.2.1", "2001:db8::1", null];
    await world.flood(2_000, (index) =>
      world.login(`name-${index}`, "wrong", addresses[index % addresses.length] ?? null),
    );
    expect(await world.login("ada", "right", "192.0.2.66")).toMatchObject({ kind: "refused" });
    expect(await world.login("ada", "right", "192.0.2.1")).toEqual(right);
    expect(await world.login("ada", "right", "192.0.2.2")).toEqual(right);
  });

  test("L9 where failures of an account or an address cannot be counted, attempts wait longest and are not refused", async () => {
    for (const limit of ["_login-account", "_login-address"]) {
      const world = new LoginWorld();
      world.unreachable.add(limit);
      expect(await world.login("ada", "right")).toEqual(right);
      expect(world.waits).toEqual([longestDelayMs]);
    }
  });
});

describe("L9 what a guesser learns", () => {
  test("L9 accounts that exist and accounts that do not are counted, delayed and refused alike", async () => {
    const seen = async (account: string) => {
      const world = new LoginWorld();
      const answers = [];
      for (let index = 0; index < 30; index += 1) {
        world.now += 700;
        answers.push(await world.login(account, "wrong", `192.0.2.${index % 4}`));
      }
      const { calls, waits } = world;
      return { answers, calls, waits };
    };
    expect(await seen("nobody")).toEqual(await seen("ada"));
  });

  test("L9 a secret is not looked at where its attempt cannot be counted", async () => {
    const world = new LoginWorld();
    world.unreachable.add("_login");
    expect(await world.login("ada", "right")).toEqual({ kind: "unreachable" });
    expect(world.tried).toBe(0);
  });

  test("L9 and a place of which nobody was told is given back: no secret was tried", async () => {
    const world = new LoginWorld();
    world.deaf.add("_login");
    for (let index = 0; index < 12; index += 1)
      expect(await world.login("ada", "right")).toEqual({ kind: "unreachable" });
    expect(world.tried).toBe(0);
    world.deaf.clear();
    expect(await world.login("ada", "right")).toEqual(right);
    // Wrong ones still count.
    await world.flood(20, () => world.login("ada", "wrong"));
    expect(world.tried).toBe(1 + settings.failures);
  });

  test("budgets are digests of one length, and tell no name and no address", async () => {
    for (const account of ["ada", "", "x".repeat(100_000), "\ud800"]) {
      for (const budget of Object.values(await budgetsOf({ kind: "account", account, address: "192.0.2.1" }))) {
        expect(budget).toMatch(/^[0-9a-f]{64}$/);
      }
    }
  });
});

describe("who counts as one", () => {
  const pair = async (more: Partial<LoginAttempt>) =>
    (await budgetsOf({ kind: "account", account: "ada", address: "192.0.2.1", ...more })).pair;
  const workers = "2a06:98c0:3600::103";

  test.each([
    ["addresses of one /64", { address: "2001:db8::1" }, { address: "2001:db8::ffff:1" }],
    ["an address and its IPv6 form", { address: "192.0.2.1" }, { address: "::ffff:192.0.2.1" }],
    ["a zone's Workers", { address: workers, zone: "a.example" }, { address: workers, zone: "a.example" }],
    ["those without an address", { address: null }, { address: null, zone: "a.example" }],
    ["two cases of a name", {}, { account: "ADA" }],
    ["two forms of a name", {}, { account: "\uff21\u1d48\uff41" }],
    ["a name and one with accents", {}, { account: "\u00e1d\u0103" }],
    ["a name and one with what is not seen", {}, { account: "a\u200bd\u00ada\u3164 " }],
    ["two spellings of ß", { account: "stra\u00dfe" }, { account: "STRASSE" }],
  ])("%s are one", async (_title, one, other) => {
    expect(await pair(one)).toBe(await pair(other));
  });

  test.each([
    ["addresses of two /64", { address: "2001:db8::1" }, { address: "2001:db8:0:1::1" }],
    ["two IPv4 addresses", { address: "192.0.2.1" }, { address: "192.0.2.2" }],
    ["Workers of two zones", { address: workers, zone: "a.example" }, { address: workers, zone: "b.example" }],
    ["a client that says to be a Worker and a Worker", { zone: "a.example" }, { address: workers, zone: "a.example" }],
    ["an account and a client of one name", {}, { kind: "client" }],
    ["two accounts", {}, { account: "eve" }],
    ["two ids of clients", { kind: "client" }, { kind: "client", account: "Ada" }],
  ] as const)("%s are not", async (_title, one, other) => {
    expect(await pair(one)).not.toBe(await pair(other));
  });
});

describe("L9 the built-in client", () => {
  test("L9 strangers cannot lock it out: a right secret waits for nothing, from any address", async () => {
    const world = new LoginWorld();
    const attack = Array.from({ length: 300 }, (_, index) => world.client("admin", "wrong", `192.0.2.${index % 60}`));
    await Promise.all(attack);
    const [calls, waits] = [world.calls.length, world.waits.length];
    for (const address of ["192.0.2.1", "198.51.100.1"]) {
      expect(await world.client("admin", secret, address)).toEqual({ kind: "right", facts: adminFacts });
    }
    expect([world.calls.length, world.waits.length]).toEqual([calls, waits]);
  });

  test("L9 it gets in while the limiters cannot be asked, and a wrong secret does not", async () => {
    const world = new LoginWorld();
    world.unreachable.add("_login");
    expect(await world.client("admin", secret)).toEqual({ kind: "right", facts: adminFacts });
    expect(await world.client("admin", "wrong")).toEqual({ kind: "unreachable" });
  });

  test.each(["admin", "root"])("L9 wrong secrets of %s are counted", async (client) => {
    const world = new LoginWorld();
    for (let index = 0; index < settings.failures; index += 1) {
      expect(await world.client(client, "wrong")).toEqual({ kind: "wrong" });
    }
    expect(await world.client(client, "wrong")).toMatchObject({ kind: "refused" });
    expect(await world.client(client, "wrong", "192.0.2.2")).toEqual({ kind: "wrong" });
  });
});

/** Whatever promises still do at this moment. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
}

test("a delay grows with every attempt, up to the longest", () => {
  expect([-1, 0].map(delayOf)).toEqual([0, 0]);
  const delays = Array.from({ length: 20 }, (_, index) => delayOf(index));
  expect(delays).toEqual(delays.toSorted((one, other) => one - other));
  expect(new Set(delays).size).toBeGreaterThan(5);
  expect([delays.at(-1), delayOf(Infinity)]).toEqual([longestDelayMs, longestDelayMs]);
});

test("the guide's configuration is one, and says what the guide says", async () => {
  const guide = readFileSync(join(import.meta.dirname, "../../docs/guides/login-guard.md"), "utf8");
  const [, code = ""] = /```ts\n(.*?)```/s.exec(guide) ?? [];
  const source = code.replace(/^import .*$/m, "const defineMesh = (config) => config;");
  const { default: config } = (await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(source)}`
  )) as { readonly default: unknown };
  expect(compile(config).loginGuard).toEqual({ failures: 3, windowMs: 60_000 });
  expect(guide).toContain("three wrong secrets in a minute");
  const { loginGuard } = compile(withTop({}));
  expect(guide).toContain(`${loginGuard.failures} in ${loginGuard.windowMs / 1_000} seconds`);
});
