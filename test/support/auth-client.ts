/** A public client of a mesh's auth paths at the root, at whichever edge it is told: codes, tokens, and what they open. */
import { createHash, randomBytes } from "node:crypto";
import { expect } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";

export interface Granted {
  readonly status: number;
  readonly error?: string;
  readonly access_token: string;
  readonly refresh_token: string;
}

export interface Code {
  readonly code: string;
  readonly verifier: string;
}

const redirectUri = "https://app.example.com/callback";
const name = "ada";
const password = "shuttle";

export class AuthClient {
  readonly mesh: LocalMesh;
  /** Of a login with which codes are got: hashing a password takes longer than all the rest. */
  readonly #login: string;

  private constructor(mesh: LocalMesh, login: string) {
    this.mesh = mesh;
    this.#login = login;
  }

  /** Registers the client `app` and the account `ada`, and logs in. */
  static async open(mesh: LocalMesh): Promise<AuthClient> {
    const client = new AuthClient(mesh, "");
    await client.admin("PUT", `/accounts/${name}`, { password, scopes: ["read"] });
    await client.admin("PUT", "/clients/app", { public: true, redirectUris: [redirectUri] });
    const { access_token: login } = await client.logIn();
    // An edge that has just begun may still be waiting for its first view, and says so.
    for (let turn = 0; turn < 20; turn += 1) {
      if ((await client.letIn([login])) === mesh.edges.length) return new AuthClient(mesh, login);
    }
    throw new Error("cannot begin: some edge does not take a new token");
  }

  async admin(method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
    const { status, answer } = await this.adminCall(method, path, body);
    expect({ path, status }).toEqual({ path, status: 200 });
    return answer;
  }

  async adminCall(method: string, path: string, body?: object) {
    const response = await fetch(`${this.at(0)}/_mesh/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${await this.#adminToken()}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, answer: (await response.json()) as Readonly<Record<string, unknown>> };
  }

  /** A new one for each call: the key of one from before may be gone by now. */
  async #adminToken(): Promise<string> {
    const form = { grant_type: "client_credentials", client_id: "admin", client_secret: this.mesh.adminSecret };
    return (await this.token(form)).access_token;
  }

  async logIn(edge = 0): Promise<Granted> {
    const granted = await this.token({ grant_type: "password", username: name, password, client_id: "app" }, edge);
    expect(granted.status).toBe(200);
    return granted;
  }

  async code(edge = 0): Promise<Code> {
    const code = await this.codeBy(this.#login, edge);
    if (code === null) throw new Error("cannot get a code");
    return code;
  }

  /** null where the token gets none. */
  async codeBy(token: string, edge = 0): Promise<Code | null> {
    const verifier = randomBytes(32).toString("base64url");
    const query = new URLSearchParams({
      response_type: "code",
      client_id: "app",
      redirect_uri: redirectUri,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    const answer = await fetch(`${this.at(edge)}/authorize?${query.toString()}`, {
      redirect: "manual",
      headers: { authorization: `Bearer ${token}` },
    });
    await answer.body?.cancel();
    const code = new URL(answer.headers.get("location") ?? "about:blank").searchParams.get("code");
    return code === null ? null : { code, verifier };
  }

  redeem({ code, verifier }: Code, edge = 0): Promise<Granted> {
    const form = { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: redirectUri };
    return this.token({ ...form, client_id: "app" }, edge);
  }

  refresh(token: string, edge = 0): Promise<Granted> {
    return this.token({ grant_type: "refresh_token", refresh_token: token, client_id: "app" }, edge);
  }

  async token(form: Readonly<Record<string, string>>, edge = 0): Promise<Granted> {
    const answer = await fetch(`${this.at(edge)}/token`, { method: "POST", body: new URLSearchParams(form) });
    return { ...((await answer.json()) as Omit<Granted, "status">), status: answer.status };
  }

  /** What the gate says to a token. */
  async use(token: string, edge = 0): Promise<number> {
    return (await this.ask(token, edge)).status;
  }

  /** `code` for a refusal. */
  async ask(token: string, edge = 0): Promise<{ readonly status: number; readonly code: string }> {
    const answer = await fetch(`${this.at(edge)}/echo`, { headers: { authorization: `Bearer ${token}` } });
    const { code = "" } = (await answer.json()) as { readonly code?: string };
    return { status: answer.status, code };
  }

  /** How many times these tokens are let in, each at every edge. */
  async letIn(tokens: readonly string[]): Promise<number> {
    const edges = this.mesh.edges.map((_, edge) => edge);
    const asks = tokens.flatMap((token) => edges.map((edge) => () => this.use(token, edge)));
    return (await inTurns(asks)).filter((status) => status === 200).length;
  }

  /** Which of them are not refused everywhere as tokens that are good no longer. */
  async living(tokens: readonly string[]): Promise<readonly string[]> {
    const edges = this.mesh.edges.map((_, edge) => edge);
    const asks = tokens.map((token) => async () => {
      const statuses = await Promise.all(edges.map((edge) => this.use(token, edge)));
      return statuses.every((status) => status === 401) ? [] : [token];
    });
    return (await inTurns(asks, 8)).flat();
  }

  at(edge: number): string {
    return this.mesh.edges[edge % this.mesh.edges.length]?.url ?? "";
  }
}

/** All of them, so many at a time, each as soon as one before it has ended. */
export async function inTurns<Answer>(
  asks: readonly (() => Promise<Answer>)[],
  atOnce = 24,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < asks.length; at = next++) {
      const ask = asks[at];
      if (ask !== undefined) answers[at] = await ask();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return answers;
}
