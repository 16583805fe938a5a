/** T3 over sockets: what a token or an old password gets while its end is on its way to the edge that is asked. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthClient, type Granted } from "../support/auth-client.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";

let origin: EchoOrigin;
let client: AuthClient;

beforeAll(async () => {
  origin = await EchoOrigin.start();
  const configFile = join(import.meta.dirname, "sessions-in-flight.config.ts");
  const origins = { "*": origin.url };
  client = await AuthClient.open(await startMesh({ configFile, origins, regions: ["weur", "enam"], faults: true }));
});

afterAll(async () => {
  await client.mesh.stop();
  await origin[Symbol.asyncDispose]();
});

async function logIn(username: string, edge = 0): Promise<Granted> {
  return client.token({ grant_type: "password", username, password: "old" }, edge);
}

/** Both edges have verified the token, and hold it for good. */
async function loggedIn(username: string): Promise<Granted> {
  await client.admin("PUT", `/accounts/${username}`, { password: "old", scopes: ["read"] });
  const granted = await logIn(username);
  expect(granted.status).toBe(200);
  expect(await client.letIn([granted.access_token])).toBe(2);
  return granted;
}

async function end(method: string, path: string, token: string): Promise<void> {
  const answer = await fetch(client.at(0) + path, { method, headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(204);
}

async function renewed(token: string, edge: number): Promise<number> {
  const answer = await fetch(`${client.at(edge)}/token?renew`, { headers: { authorization: `Bearer ${token}` } });
  await answer.body?.cancel();
  return answer.status;
}

const statusOfNothing = (status: number) => status === 400 || status === 401;

describe("T3 a token that was ended at one edge, once every region has said so", () => {
  test.each([
    ["DELETE", "/tokens/ann", "ann"],
    ["POST", "/logout", "ben"],
    ["DELETE", "/token", "bea"],
  ])("by %s %s gets no code and no other token at another", async (method, path, name) => {
    const { access_token: token } = await loggedIn(name);
    await end(method, path, token);
    expect(await client.codeBy(token, 1)).toBeNull();
    expect(await renewed(token, 1)).toBe(401);
  });

  test("by its text alone is renewed by nobody", async () => {
    const { access_token: token } = await loggedIn("cy");
    await client.admin("POST", "/revocations", { token });
    expect(await renewed(token, 1)).toBe(401);
    expect(await client.codeBy(token, 1)).toBeNull();
  });
});

describe("T3 a login with the old password that is under way", () => {
  test("while it waits for an earlier cut-off gives nothing after the password was changed", async () => {
    await loggedIn("eve");
    await client.admin("POST", "/revocations", { subject: "eve" });
    const login = logIn("eve", 1);
    await client.admin("PUT", "/accounts/eve?ack=everywhere", { password: "new", scopes: ["read"] });
    expect((await login).status).toSatisfy(statusOfNothing);
  });

  test("while its place in the login guard is given back gives nothing that goes on", async () => {
    await loggedIn("fay");
    await client.mesh.faults.set({
      lane: "fetch",
      to: "Limiter",
      method: "settle",
      action: { kind: "delay", ms: 400 },
    });
    const login = logIn("fay", 1);
    await client.admin("PUT", "/accounts/fay?ack=everywhere", { password: "new", scopes: ["read"] });
    const { status, access_token: token, refresh_token: refresh } = await login;
    await client.mesh.faults.clear();
    if (status === 200) {
      expect(await client.living([token])).toEqual([]);
      const again = await client.token({ grant_type: "refresh_token", refresh_token: refresh });
      expect(again.error).toBe("invalid_grant");
    } else expect(status).toSatisfy(statusOfNothing);
  });
});

test("T3 a refresh whose token is signed late gives nothing once its subject was logged out", async () => {
  const { refresh_token: refresh } = await loggedIn("gus");
  const slow = { lane: "fetch", from: "enam", to: "Keyring", method: "sign" } as const;
  await client.mesh.faults.set({ ...slow, action: { kind: "delay", ms: 2_600 } });
  const late = client.token({ grant_type: "refresh_token", refresh_token: refresh }, 1);
  await client.admin("POST", "/revocations?ack=everywhere", { subject: "gus" });
  const { status } = await late;
  await client.mesh.faults.clear();
  expect(status).toSatisfy(statusOfNothing);
});

test.each(["error", "lose_request", "lose_reply"] as const)(
  "T7 a refresh token and a code are good still after the Keyring was asked in vain (%s)",
  async (kind) => {
    const { refresh_token: refresh } = await client.logIn();
    const code = await client.code();
    await client.mesh.faults.set({ lane: "fetch", to: "Keyring", method: "sign", action: { kind } });
    const inVain = [await client.refresh(refresh), await client.redeem(code), await client.refresh(refresh, 1)];
    await client.mesh.faults.clear();
    expect(inVain.map(({ status }) => status)).toEqual([503, 503, 503]);
    for (const granted of [await client.refresh(refresh, 1), await client.redeem(code, 1)]) {
      expect(granted.status).toBe(200);
      expect(await client.use(granted.access_token)).toBe(200);
      expect((await client.refresh(granted.refresh_token)).status).toBe(200);
    }
  },
);
