/** Who logs in while no Region answers: told within the time of one question, and by no more than one. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RevokedAnswer } from "../../durable-objects/region/contract.ts";
import { RevocationChecks, type RevocationsView } from "../../workers/view/revocation-checks.ts";
import { AuthWorld, client, person } from "./auth-world.ts";

const basic = (name: string, secret: string) => `Basic ${btoa(`${name}:${secret}`)}`;
const password = { grant_type: "password", username: "alice", password: "alicealice" };
const ways: readonly (readonly [string, () => ReturnType<AuthWorld["ask"]>])[] = [
  ["a password", () => world.ask(password)],
  ["a client's secret", () => world.ask({ grant_type: "client_credentials" }, basic("robot", "robotrobot"))],
];

let world: AuthWorld;

beforeEach(() => {
  world = new AuthWorld();
  world.people.set("alice", person("alice"));
  world.clients.set("robot", client("robot", { scopes: ["read"] }));
});

afterEach(() => void vi.useRealTimers());

describe.each(ways)("a login by %s", (_what, logIn) => {
  test("where all Regions are silent waits for one question, and gives and begins nothing", async () => {
    world.regions = "silent";
    expect(await logIn()).toMatchObject({ code: "not_current", retryAfterMs: 1_000 });
    expect(world.regionAsks).toBe(1);
    expect([world.signed.length, world.ledger.rows.size]).toEqual([0, 0]);
  });

  test("that has waited for a cut-off asks silent Regions once more, and no further", async () => {
    for (const name of ["alice", "robot"]) world.cutOffs.set(name, world.now);
    world.meanwhile = { waited: () => (world.regions = "silent") };
    expect(await logIn()).toMatchObject({ code: "not_current" });
    expect(world.regionAsks).toBe(2);
  });

  test("where Regions say at once that they cannot say it waits for nobody", async () => {
    world.regions = "away";
    expect(await logIn()).toMatchObject({ kind: "given" });
    expect(world.regionAsks).toBe(1);
  });
});

test("all turns of one question end within one deadline, however slowly and often a Region answers", async () => {
  vi.useFakeTimers();
  let asks = 0;
  const through = { epoch: "e1", seq: 0 };
  const slow = async (): Promise<RevokedAnswer> => {
    asks += 1;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return { v: 1, kind: "clear", through };
  };
  // More came meanwhile than each answer has in it.
  const revocations = { revision: 1, verdictAfter: () => ({ kind: "ask" }) };
  const view = { cursor: through, revocations, takeFilter: () => undefined } as unknown as RevocationsView;
  const region = () => ({ revoked: slow, revocationFilter: () => Promise.reject(new Error("not asked")) });
  const checks = new RevocationChecks({ view, region, regions: ["weur"] });
  let said: unknown = "nothing yet";
  void checks.ask({ issuer: "i", subject: "alice", issuedFrom: 0 }).then((answer) => (said = answer));
  await vi.advanceTimersByTimeAsync(2_999);
  expect([said, asks]).toEqual(["nothing yet", 2]);
  await vi.advanceTimersByTimeAsync(1);
  expect(said).toBeNull();
});
