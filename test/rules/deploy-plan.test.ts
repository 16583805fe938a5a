import { describe, expect, it } from "vitest";
import {
  deploy,
  type DeployPorts,
  type DeployRequest,
  howToUndo,
  type Outcome,
  type Ran,
} from "../../local/deploy-plan.ts";

const request: DeployRequest = {
  queues: ["broadcast", "broadcast-failed"],
  requiredSecrets: ["ADMIN", "KEY"],
  secretsFile: null,
  url: "https://api.example.com",
};

/** An account as wrangler shows it, with a clock that moves only when somebody waits. */
class Account implements DeployPorts {
  queues = new Set<string>();
  /** null: there is no such Worker yet. */
  secrets: Set<string> | null = new Set(["ADMIN", "KEY"]);
  versions = 1;
  checkCode = 0;
  /** An answer that wrangler gives in place of doing what it was asked. */
  failing: { readonly command: string; readonly output: string } | null = null;
  /** How long after a deploy the mesh becomes ready; null: never. */
  readyAfterMs: number | null = 3_000;
  deployedAt: number | null = null;
  clock = 0;
  readonly said: string[] = [];
  readonly changes: string[] = [];

  check = (): Promise<Ran> => Promise.resolve({ code: this.checkCode, output: "" });
  now = (): number => this.clock;
  say = (line: string): void => void this.said.push(line);
  wait = (ms: number): Promise<void> => {
    this.clock += ms;
    return Promise.resolve();
  };

  statusOf = (url: string): Promise<number | null> => {
    if (url !== "https://api.example.com/_mesh/readyz" || this.deployedAt === null) return Promise.resolve(404);
    const isReady = this.readyAfterMs !== null && this.clock >= this.deployedAt + this.readyAfterMs;
    return Promise.resolve(isReady ? 200 : 503);
  };

  wrangler = (args: readonly string[]): Promise<Ran> => {
    const command = args.join(" ");
    if (this.failing !== null && command.startsWith(this.failing.command)) {
      return Promise.resolve({ code: 1, output: this.failing.output });
    }
    return Promise.resolve(this.#obey(args));
  };

  #obey([command, verb, ...rest]: readonly string[]): Ran {
    if (command === "secret" && verb === "list") {
      if (this.secrets === null) return { code: 1, output: 'Worker "selvedge" not found.\n' };
      const list = [...this.secrets].map((name) => ({ name, type: "secret_text" }));
      return { code: 0, output: `a notice before the list\n${JSON.stringify(list, null, "  ")}\n` };
    }
    const queue = String(rest[0]);
    if (command === "queues" && verb === "info") {
      return this.queues.has(queue) ? { code: 0, output: "" } : { code: 1, output: `Queue "${queue}" does not exist.` };
    }
    if (command === "queues" && verb === "create") {
      this.queues.add(queue);
      this.changes.push(`queue ${queue}`);
      return { code: 0, output: "" };
    }
    if (command === "deploy") {
      if (this.secrets === null && verb !== "--secrets-file")
        return { code: 1, output: "secrets cannot be set in advance" };
      this.versions += 1;
      this.deployedAt = this.clock;
      this.changes.push("deploy");
      return { code: 0, output: "" };
    }
    throw new Error(`the account knows no ${command}`);
  }
}

function reasonOf(outcome: Outcome): string {
  return outcome.kind === "failed" ? outcome.reason : "";
}

describe("deploying", () => {
  it("makes the queues that are missing, deploys, and ends when the mesh is ready", async () => {
    const account = new Account();
    account.queues.add("broadcast");
    expect(await deploy(request, account)).toEqual({ kind: "deployed" });
    expect(account.changes).toEqual(["queue broadcast-failed", "deploy"]);
    expect(account.clock).toBeGreaterThanOrEqual(3_000);
  });

  it("makes nothing twice", async () => {
    const account = new Account();
    await deploy(request, account);
    await deploy(request, account);
    expect(account.changes).toEqual(["queue broadcast", "queue broadcast-failed", "deploy", "deploy"]);
  });

  it("changes nothing when a check fails", async () => {
    const account = new Account();
    account.checkCode = 1;
    const outcome = await deploy(request, account);
    expect(outcome).toMatchObject({ kind: "failed", isDeployed: false });
    expect(account.changes).toEqual([]);
  });

  it("names the secrets that are missing, and changes nothing", async () => {
    const account = new Account();
    account.secrets = new Set(["ADMIN"]);
    const outcome = await deploy(request, account);
    expect(reasonOf(outcome)).toContain("missing: KEY;");
    expect(account.changes).toEqual([]);
  });

  it("asks for a file of secrets when the Worker is new, and takes them from it", async () => {
    const account = new Account();
    account.secrets = null;
    expect(reasonOf(await deploy(request, account))).toContain("missing: ADMIN, KEY;");
    const withFile = { ...request, secretsFile: { path: "/secrets", names: ["ADMIN", "KEY"] } };
    expect(await deploy(withFile, account)).toEqual({ kind: "deployed" });
    expect(account.changes).toContain("deploy");
  });

  it("ends with wrangler's own words when an account cannot be asked, and takes it for no missing queue", async () => {
    for (const command of ["secret list", "queues info", "queues create"]) {
      const account = new Account();
      account.failing = { command, output: "Authentication error [code: 10000]" };
      const outcome = await deploy(request, account);
      expect(outcome).toMatchObject({ kind: "failed", isDeployed: false });
      expect(reasonOf(outcome)).toContain("Authentication error");
      expect(account.changes).toEqual([]);
    }
  });

  it("says that the old version is still up when the deploy itself fails", async () => {
    const account = new Account();
    account.failing = { command: "deploy", output: "" };
    expect(reasonOf(await deploy(request, account))).toContain("still up");
    expect(account.said).not.toContain(howToUndo);
  });

  it("gives up waiting in bounded time, and has said how to undo by then", async () => {
    const account = new Account();
    account.readyAfterMs = null;
    const outcome = await deploy(request, account);
    expect(outcome).toMatchObject({ kind: "failed", isDeployed: true });
    expect(reasonOf(outcome)).toContain("received 503");
    expect(account.clock).toBeLessThanOrEqual(120_000);
    expect(account.said).toContain(howToUndo);
  });
});
