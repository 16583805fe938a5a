/** The login guard over sockets: one count for the whole mesh, whichever edge is asked. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { startMesh } from "../support/mesh.ts";

const configFile = join(import.meta.dirname, "login-guard.config.ts");

let mesh: LocalMesh;
beforeAll(async () => {
  mesh = await startMesh({ configFile });
});
afterAll(() => mesh.stop());

interface Asked {
  readonly client?: string;
  readonly secret?: string;
  readonly address: string;
  /** Which of the mesh's ports. */
  readonly port?: number;
}

function login({ client = "admin", secret = "wrong", address, port = 0 }: Asked): Promise<Response> {
  return fetch(`${mesh.edges[port % mesh.edges.length]?.url}/_mesh/v1/auth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${client}:${secret}`)}`, "cf-connecting-ip": address },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
}

/** At once, each to the next port. */
function guesses(count: number, asked: Asked): Promise<readonly Response[]> {
  return Promise.all(Array.from({ length: count }, (_, port) => login({ ...asked, port })));
}

/** Without what differs from call to call. */
async function problemsOf(answers: readonly Response[]): Promise<readonly string[]> {
  const told = answers.map(async (answer) => {
    const { instance, ...problem } = (await answer.json()) as Readonly<Record<string, unknown>>;
    expect(instance).toBe(answer.headers.get("mesh-request-id"));
    return JSON.stringify(problem);
  });
  return [...new Set(await Promise.all(told))].toSorted();
}

describe("L9 guesses at a mesh of three regions", () => {
  test("L9 of 30 at once from one address five are tried; the right secret gets in from another meanwhile", async () => {
    const [answers, right] = await Promise.all([
      guesses(30, { address: "192.0.2.66" }),
      login({ secret: mesh.adminSecret, address: "192.0.2.1", port: 1 }),
    ]);
    expect(right.status).toBe(200);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(25);
    for (const answer of refused) {
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await answer.json()).toMatchObject({ code: "too_many_logins", type: "/_mesh/problems/too_many_logins" });
    }
  });

  test("L9 strangers do not lock the built-in client out, not even from their own address", async () => {
    await guesses(12, { address: "192.0.2.67" });
    for (const address of ["192.0.2.67", "192.0.2.2"]) {
      const answer = await login({ secret: mesh.adminSecret, address, port: 2 });
      expect(answer.status).toBe(200);
    }
  });

  test("L9 an unknown client is answered as a known one is", async () => {
    const known = await guesses(12, { address: "192.0.2.68" });
    const unknown = await guesses(12, { client: "nobody", address: "192.0.2.69" });
    for (const answers of [known, unknown]) {
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
    }
    const problems = await problemsOf(unknown);
    expect(problems).toHaveLength(2);
    expect(problems).toEqual(await problemsOf(known));
  });

  test("L9 a flood of other names does not give a guesser another guess", async () => {
    const address = "192.0.2.70";
    await guesses(8, { client: "loom", address });
    await Promise.all(
      Array.from({ length: 60 }, (_, port) => login({ client: `name-${port}`, address: `198.51.100.${port}`, port })),
    );
    const [again, elsewhere] = await Promise.all([
      login({ client: "loom", address, port: 1 }),
      login({ client: "loom", address: "192.0.2.71", port: 2 }),
    ]);
    expect([again.status, elsewhere.status]).toEqual([429, 401]);
  });
});
