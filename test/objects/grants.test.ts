/** T7 in the runtime: one of many simultaneous uses wins, across aborts, and the Log hears of a family's end. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import config from "../../mesh.config.ts";
import type { CodeGrant, Grant } from "../../durable-objects/grants/contract.ts";
import { grantsStub, logStub } from "../../durable-objects/stubs.ts";
import { compile } from "../../workers/config/compile.ts";

const { environment } = compile(config);
let families = 0;

function newGrant(changed: Partial<Grant> = {}): Grant {
  families += 1;
  const family = `family-${String(families).padStart(16, "0")}`;
  return {
    family,
    subject: "alice",
    client: "app",
    scopes: ["read"],
    startedAt: 0,
    endsAt: Date.now() + 3_600_000,
    ...changed,
  };
}

const grants = (family: string) => grantsStub(env, environment, family);
/** For the runtime's own tools, which know no contracts. */
const stubOf = (family: string) => grants(family) as unknown as DurableObjectStub;
const refresh = (family: string, generation: number, graceMs = 0) =>
  grants(family).refresh({ v: 1, family, generation, client: "app", graceMs });

describe("T7 the Grants object", () => {
  test("the same refresh token used twice at the same instant, 200 times: one wins each time", async () => {
    const outcomes: string[] = [];
    for (let round = 0; round < 200; round += 1) {
      const grant = newGrant();
      await grants(grant.family).begin({ v: 1, grant });
      const both = await Promise.all([refresh(grant.family, 1), refresh(grant.family, 1)]);
      outcomes.push(
        both
          .map(({ kind }) => kind)
          .toSorted()
          .join(),
      );
    }
    expect(new Set(outcomes)).toEqual(new Set(["refreshed,reused"]));
  });

  test("the same code used twice at the same instant, 200 times: one wins each time", async () => {
    const outcomes: string[] = [];
    for (let round = 0; round < 200; round += 1) {
      const grant = newGrant();
      const challenge = { redirectUri: "https://app.example.com/", codeChallenge: "c".repeat(43) };
      const code: CodeGrant = { ...grant, ...challenge, codeEndsAt: Date.now() + 60_000 };
      await grants(grant.family).keepCode({ v: 1, code });
      const use = { v: 1, family: grant.family, client: "app", keepsFamily: true, ...challenge } as const;
      const redeem = () => grants(grant.family).redeemCode(use);
      const both = await Promise.all([redeem(), redeem()]);
      outcomes.push(
        both
          .map(({ kind }) => kind)
          .toSorted()
          .join(),
      );
    }
    expect(new Set(outcomes)).toEqual(new Set(["redeemed,reused"]));
  });

  test("a use that is peeked at says what comes of it, and uses nothing", async () => {
    const grant = newGrant();
    const { family } = grant;
    await grants(family).begin({ v: 1, grant });
    const peek = (generation: number) =>
      grants(family).peek({ v: 1, family, use: { family, generation, client: "app", graceMs: 0 } });
    for (let turn = 0; turn < 2; turn += 1) expect(await peek(1)).toMatchObject({ generation: 1, would: "good" });
    expect(await refresh(family, 1)).toMatchObject({ kind: "refreshed" });
    expect(await peek(1)).toMatchObject({ generation: 2, would: "reused" });
    expect(await refresh(family, 2)).toMatchObject({ kind: "refreshed" });
    const { events } = await grants(family).end({ v: 1, family, by: "alice" });
    expect(await peek(3)).toEqual({ kind: "ended", events });
  });

  test("what a login is for stays so across eviction, and none is none", async () => {
    for (const more of [{ resources: ["service:a", "lock:b.*"] }, { resources: null }, {}]) {
      const grant = newGrant(more);
      await grants(grant.family).begin({ v: 1, grant });
      await evictDurableObject(stubOf(grant.family));
      expect(await refresh(grant.family, 1)).toMatchObject({ grant: { ...grant, resources: grant.resources ?? null } });
    }
  });

  test("what was used stays used across eviction and abort", async () => {
    const grant = newGrant();
    await grants(grant.family).begin({ v: 1, grant });
    expect(await refresh(grant.family, 1)).toMatchObject({ kind: "refreshed", generation: 2 });
    await evictDurableObject(stubOf(grant.family));
    expect(await refresh(grant.family, 2)).toMatchObject({ kind: "refreshed", generation: 3 });
    await abortAllDurableObjects();
    expect(await refresh(grant.family, 1)).toMatchObject({ kind: "reused" });
    await abortAllDurableObjects();
    expect(await refresh(grant.family, 3)).toEqual({ kind: "refused" });
  });

  test("the Log hears of a family's end, once, whoever tells it", async () => {
    const grant = newGrant();
    await grants(grant.family).begin({ v: 1, grant });
    const [first, second] = await Promise.all(
      ["alice", "admin"].map((by) => grants(grant.family).end({ v: 1, family: grant.family, by })),
    );
    expect(first).toEqual(second);
    await expect.poll(async () => await familiesInLog()).toContain(grant.family);
    expect((await familiesInLog()).filter((family) => family === grant.family)).toHaveLength(1);
  });

  test("rows past their time go by the alarm", async () => {
    const long = Date.now() - 10 * 86_400_000;
    const grant = newGrant({ endsAt: long });
    await grants(grant.family).begin({ v: 1, grant });
    await runDurableObjectAlarm(stubOf(grant.family));
    const rows = await runInDurableObject(stubOf(grant.family), (_object, state) =>
      state.storage.sql.exec("SELECT family FROM family WHERE family = ?", grant.family).toArray(),
    );
    expect(rows).toEqual([]);
  });
});

async function familiesInLog(): Promise<readonly unknown[]> {
  const page = await logStub(env, environment).read({ v: 1, cursor: null });
  return page.events
    .filter(({ type }) => type === "revocation")
    .map(({ data }) => (data as { family?: string }).family);
}
