/** Changes that outlive the token that made them: by a token that has ended there are none, whatever an edge has heard yet. */
import { describe, expect, test } from "vitest";
import { AccountApiWorld } from "./account-api-world.ts";

type Change = readonly [line: string, body: object | undefined];

const calls: readonly (readonly [line: string, body?: object])[] = [
  ["POST /keys", { label: "back door", owner: "ada" }],
  ["DELETE /keys/0123456789abcdef"],
  ["PUT /clients/ghost", { scopes: ["mesh:admin"] }],
  ["POST /clients/loom/rotate", {}],
  ["DELETE /clients/loom"],
  ["PUT /accounts/ghost", { scopes: ["mesh:admin"] }],
  ["DELETE /accounts/ada"],
  ["POST /signing-keys/rotate"],
  ["DELETE /signing-keys/k1"],
  ["POST /revocations", { subject: "ada" }],
  ["DELETE /revocations/ticket-7"],
];
const changes = calls.map(([line, body]): Change => [line, body]);

async function inhabited(): Promise<AccountApiWorld> {
  const world = new AccountApiWorld();
  await world.call("PUT /accounts/ada", { scopes: ["read"] });
  await world.call("PUT /clients/loom", { scopes: ["read"] });
  return world;
}

describe("a change that outlives its token", () => {
  test.each<Change>(changes)(
    "T3 %s is refused to one that a Region knows to be ended, and the edge not yet",
    async (line, body) => {
      const world = await inhabited();
      const before = world.owed.length;
      world.renewal = () => (world.isRevoked = true);
      expect(await world.call(line, body)).toMatchObject({ status: 401, body: { code: "token_revoked" } });
      expect(world.owed).toHaveLength(before);
    },
  );

  test.each<Change>(changes)("T6 %s is 503 when no Region can say, and nothing is done", async (line, body) => {
    const world = await inhabited();
    const before = world.owed.length;
    world.renewal = () => false;
    const answer = await world.call(line, body);
    expect(answer).toMatchObject({ status: 503, body: { code: "not_current" } });
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(world.owed).toHaveLength(before);
  });

  test("is held against what is known when its body is whole", async () => {
    const world = await inhabited();
    const before = world.owed.length;
    let hasBegun = false;
    // Nothing of it is there before it is asked for.
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          hasBegun = true;
          controller.enqueue(new TextEncoder().encode('{"owner":"ada"}'));
          controller.close();
          // The token's end is answered elsewhere while the last bytes are on their way.
          world.isRevoked = true;
        },
      },
      { highWaterMark: 0 },
    );
    world.renewal = () => hasBegun;
    expect(await world.call("POST /keys", body)).toMatchObject({ status: 401 });
    expect(world.owed).toHaveLength(before);
  });

  test("asks no Region when it only reads", async () => {
    const world = await inhabited();
    world.renewal = () => {
      throw new Error("expected no pull");
    };
    for (const line of ["GET /accounts", "GET /clients/loom", "GET /keys"]) {
      expect(await world.call(line)).toMatchObject({ status: 200 });
    }
  });
});
