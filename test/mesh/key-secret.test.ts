/** A mesh whose key secret was changed without the previous one beside it: an operator's mistake, and how it is mended. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";

const otherSecret = "another secret of at least thirty-two chars";
const logged: string[] = [];
let origin: EchoOrigin;
let stateDirectory: string;
let mesh: LocalMesh;
let secrets: string;
let token: string;
let refreshToken: string;

const configFile = join(import.meta.dirname, "sessions.config.ts");

async function start(): Promise<void> {
  const onLog = ({ message }: { readonly message: string }) => void logged.push(message);
  mesh = await startMesh({ configFile, stateDirectory, onLog, origins: { "*": origin.url } });
}

/** The same mesh under other secrets. */
async function restartUnder(text: string): Promise<void> {
  await mesh.stop();
  writeFileSync(join(stateDirectory, ".dev.vars"), text);
  await start();
}

const ask = (path: string, init?: RequestInit) => fetch(mesh.urlOf("weur") + path, init);
const login = (form: Readonly<Record<string, string>>) =>
  ask("/_mesh/v1/auth/token", { method: "POST", body: new URLSearchParams(form) });
const password = { grant_type: "password", username: "ada", password: "shuttle" };
const refresh = () => login({ grant_type: "refresh_token", refresh_token: refreshToken });

beforeAll(async () => {
  origin = await EchoOrigin.start();
  stateDirectory = mkdtempSync(join(tmpdir(), "selvedge-key-secret-"));
  await start();
  secrets = readFileSync(join(stateDirectory, ".dev.vars"), "utf8");
  const authorization = `Bearer ${await mesh.adminToken()}`;
  const made = await ask("/_mesh/v1/accounts/ada", {
    method: "PUT",
    headers: { authorization },
    body: JSON.stringify({ password: "shuttle" }),
  });
  expect(made.status).toBe(200);
  const given = (await (await login(password)).json()) as Readonly<Record<string, string>>;
  token = given["access_token"] ?? "";
  refreshToken = given["refresh_token"] ?? "";
  expect((await ask("/_mesh/readyz")).status).toBe(200);
  await restartUnder(secrets.replace(/^MESH_KEY_SECRET=.*$/m, `MESH_KEY_SECRET=${otherSecret}`));
});

afterAll(async () => {
  await mesh.stop();
  await origin[Symbol.asyncDispose]();
  rmSync(stateDirectory, { recursive: true, force: true });
});

test("it is not ready, and says which part is not", async () => {
  const answer = await ask("/_mesh/readyz");
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("10");
  const detail = "the Keyring cannot sign: key_secret_wrong";
  expect(await answer.json()).toMatchObject({ code: "overloaded", detail });
  expect((await ask("/_mesh/healthz")).status).toBe(200);
});

test("the log says what to do, and no secret", () => {
  const lines = logged.filter((line) => line.includes("signing_key_not_usable"));
  expect(lines.join("\n")).toContain("set it again, or as MESH_KEY_SECRET_PREVIOUS beside the new one");
  expect(logged.join("\n")).not.toContain(otherSecret);
});

test("calls for tokens are 503, each kind of them, and use up no refresh token", async () => {
  const admin = { grant_type: "client_credentials", client_id: "admin", client_secret: mesh.adminSecret };
  for (const answer of [await login(password), await login(admin), await refresh()]) {
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: "overloaded", error: "temporarily_unavailable" });
  }
});

test("tokens that were signed before are verified still, and their keys published", async () => {
  expect((await ask("/echo", { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  const published = (await (await ask("/_mesh/v1/auth/.well-known/jwks.json")).json()) as { readonly keys: unknown[] };
  expect(published.keys.length).toBeGreaterThan(0);
});

test("with the old one as the previous one all is well again, the refresh token too", async () => {
  const old = /^MESH_KEY_SECRET=(.*)$/m.exec(secrets)?.[1] ?? "";
  const both = `MESH_KEY_SECRET=${otherSecret}\nMESH_KEY_SECRET_PREVIOUS=${old}`;
  await restartUnder(secrets.replace(/^MESH_KEY_SECRET=.*$/m, both));
  expect((await ask("/_mesh/readyz")).status).toBe(200);
  expect((await refresh()).status).toBe(200);
});
