/** What an operator revoked is lifted; what follows from a logout, a reuse, a change or a removal is not. */
import { describe, expect, test } from "vitest";
import { audit, keyEnds, tokensEnd } from "../../durable-objects/accounts/events.ts";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import { readRevocation } from "../../durable-objects/revocations/reading.ts";
import { AccountApiWorld } from "./account-api-world.ts";
import { AuthWorld, client, person } from "./auth-world.ts";

const now = Date.now();
const occasion = { by: "admin", requestId: "r", issuer: "us", longestTokenMs: 900_000, newId: () => "1", now };
const password = { grant_type: "password", username: "alice", password: "alicealice", client_id: "app" };

/** A world whose Region has heard of the event. */
function knowing({ id, data }: NewEvent): AccountApiWorld {
  const world = new AccountApiWorld();
  world.identity.scopes = ["mesh:tokens"];
  const read = readRevocation(data);
  if (read !== null) world.held.set(id, { id, data: read });
  return world;
}

async function familyEnd(how: "logout" | "reuse"): Promise<NewEvent> {
  const world = new AuthWorld();
  world.people.set("alice", person("alice"));
  world.clients.set("app", client("app", { scopes: ["read"], isPublic: true }));
  const outcome = await world.ask(password);
  if (outcome.kind !== "given") throw new Error(`expected tokens: received ${outcome.error}`);
  const family = outcome.subject.family ?? "";
  const refresh = { grant_type: "refresh_token", refresh_token: outcome.refreshToken ?? "", client_id: "app" };
  if (how === "reuse") for (let use = 0; use < 2; use += 1) await world.ask(refresh);
  const [event] = (await world.parts.grants(family).end({ v: 1, family, by: "alice" })).events;
  if (event === undefined) throw new Error("expected the family's end");
  return event;
}

describe("a revocation", () => {
  test.each<readonly [string, () => NewEvent | Promise<NewEvent>]>([
    ["a changed or deleted account", () => tokensEnd("account", "ada", occasion)],
    ["a changed or deleted client", () => tokensEnd("client", "loom", occasion)],
    ["a removed API key", () => keyEnds("k1", occasion)],
    ["a logout", () => familyEnd("logout")],
    ["a reuse", () => familyEnd("reuse")],
  ])("that follows from %s is lifted by nobody, and says so", async (_what, ended) => {
    const event = await ended();
    const world = knowing(event);
    const shown = await world.call(`GET /revocations/${event.id}`);
    expect(shown).toMatchObject({ status: 200, body: { isFinal: true } });
    const lifted = await world.call(`DELETE /revocations/${event.id}`);
    expect(lifted).toMatchObject({ status: 409, body: { code: "conflict" } });
    world.identity.scopes = ["mesh:admin"];
    expect(await world.call(`DELETE /revocations/${event.id}`)).toMatchObject({ status: 409 });
    expect(world.published).toEqual([]);
  });

  test.each(["DELETE /auth/token", "POST /auth/logout"])("of a token by %s is lifted by nobody", async (line) => {
    const world = new AccountApiWorld();
    Object.assign(world.identity, { claims: { jti: "j1" }, expiresAt: Math.ceil(now / 1_000) + 900 });
    await world.call(line);
    const [{ event } = { event: audit("none", "", { before: null, after: null }, occasion) }] = world.published;
    expect(event).toMatchObject({ type: "revocation", data: { jti: "j1" } });
    expect(await knowing(event).call(`DELETE /revocations/${event.id}`)).toMatchObject({ status: 409 });
  });

  test("that is to come of a family cannot have its id taken before", async () => {
    const world = new AccountApiWorld();
    expect(await world.call("POST /revocations", { jti: "j", id: "family-f" })).toMatchObject({ status: 400 });
  });

  test.each([{ subject: "ada" }, { family: "f" }, { jti: "j" }, { client: "loom", id: "revocation-f" }])(
    "that an operator asked for is lifted, whatever its id: %j",
    async (target) => {
      const asked = new AccountApiWorld();
      asked.identity.scopes = ["mesh:tokens"];
      expect(await asked.call("POST /revocations", target)).toMatchObject({ status: 200 });
      const [posted] = asked.published;
      if (posted === undefined) throw new Error("expected a revocation");
      const { event } = posted;
      const world = knowing(event);
      expect((await world.call(`GET /revocations/${event.id}`)).body).not.toHaveProperty("isFinal");
      expect(await world.call(`DELETE /revocations/${event.id}`)).toMatchObject({ status: 200 });
      expect(world.published.map((each) => each.event)).toMatchObject([
        { type: "revocation_lifted", data: { id: event.id } },
      ]);
    },
  );

  test("is never made one that nobody lifts by whoever asks for it", async () => {
    const world = new AccountApiWorld();
    expect(await world.call("POST /revocations", { subject: "ada", isFinal: true })).toMatchObject({ status: 400 });
    expect(world.published).toEqual([]);
  });
});
