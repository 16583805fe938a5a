/**
 * What `npm run deploy` does, in order; each step looks before it acts, and the first that fails ends it. The account is
 * reached through `DeployPorts` only.
 */

export interface DeployRequest {
  /** Every queue of wrangler.toml, dead letters too. */
  readonly queues: readonly string[];
  readonly requiredSecrets: readonly string[];
  /** A file with secrets that go up together with the Worker: a new Worker can get them in no other way. */
  readonly secretsFile: { readonly path: string; readonly names: readonly string[] } | null;
  /** Where the deployed mesh answers, without a slash at the end. */
  readonly url: string;
}

export interface Ran {
  readonly code: number;
  readonly output: string;
}

export interface DeployPorts {
  /** Runs this project's own checks; the output is shown as it comes. */
  check(): Promise<Ran>;
  /** Runs wrangler. `shown`: as it comes, not only when it fails. */
  wrangler(args: readonly string[], options?: { readonly shown: boolean }): Promise<Ran>;
  /** The status of a GET, or null when nobody answered. */
  statusOf(url: string): Promise<number | null>;
  wait(ms: number): Promise<void>;
  now(): number;
  say(line: string): void;
}

export type Outcome =
  | { readonly kind: "deployed" }
  /** `isDeployed`: the new version is up, and something after it failed. */
  | { readonly kind: "failed"; readonly reason: string; readonly isDeployed: boolean };

const readyWithinMs = 120_000;
const askEveryMs = 2_000;

export const howToUndo = "to undo: npx wrangler rollback (the versions: npx wrangler deployments list)";

export async function deploy(request: DeployRequest, ports: DeployPorts): Promise<Outcome> {
  const reason =
    (await passChecks(ports)) ??
    (await findSecrets(request, ports)) ??
    (await makeQueues(request.queues, ports)) ??
    (await putUp(request, ports));
  if (reason !== null) return { kind: "failed", reason, isDeployed: false };
  ports.say(howToUndo);
  const late = await waitUntilReady(`${request.url}/_mesh/readyz`, ports);
  return late === null ? { kind: "deployed" } : { kind: "failed", reason: late, isDeployed: true };
}

/** A step: null, or why it failed. */
type Step = Promise<string | null>;

async function passChecks(ports: DeployPorts): Step {
  ports.say("checking");
  const { code } = await ports.check();
  return code === 0 ? null : "npm run check found mistakes: nothing was changed";
}

/** Without them the Worker refuses to serve, so that they come before anything is changed. */
async function findSecrets({ requiredSecrets, secretsFile }: DeployRequest, ports: DeployPorts): Step {
  ports.say("looking for the secrets");
  const listed = await ports.wrangler(["secret", "list", "--format", "json"]);
  const isNew = listed.code !== 0 && /Worker ".*".* not found/.test(listed.output);
  if (listed.code !== 0 && !isNew) return `the secrets cannot be listed:\n${listed.output}`;
  const known = new Set([...(isNew ? [] : namesIn(listed.output)), ...(secretsFile?.names ?? [])]);
  const missing = requiredSecrets.filter((name) => !known.has(name));
  if (missing.length === 0) return null;
  const lines = missing.map((name) => `  echo "${name}=$(openssl rand -base64 32)" >> FILE`);
  const how = [
    "write them into a file and give it to the deploy:",
    ...lines,
    "  npm run deploy -- --secrets-file FILE",
  ];
  return `these secrets are missing: ${missing.join(", ")}; ${how.join("\n")}`;
}

/** wrangler prints a list of `{name, type}`, perhaps after other lines. */
function namesIn(output: string): string[] {
  const list = output.slice(output.search(/^\[/m));
  return (JSON.parse(list) as readonly { readonly name: string }[]).map(({ name }) => name);
}

async function makeQueues(queues: readonly string[], ports: DeployPorts): Step {
  for (const queue of queues) {
    const found = await ports.wrangler(["queues", "info", queue]);
    if (found.code === 0) continue;
    if (!found.output.includes("does not exist")) return `the queue ${queue} cannot be looked up:\n${found.output}`;
    ports.say(`making the queue ${queue}`);
    const made = await ports.wrangler(["queues", "create", queue]);
    if (made.code !== 0) return `the queue ${queue} cannot be made:\n${made.output}`;
  }
  return null;
}

async function putUp({ secretsFile }: DeployRequest, ports: DeployPorts): Step {
  ports.say("deploying");
  const secrets = secretsFile === null ? [] : ["--secrets-file", secretsFile.path];
  const { code } = await ports.wrangler(["deploy", ...secrets], { shown: true });
  return code === 0 ? null : "wrangler deploy failed: the version before it is still up";
}

async function waitUntilReady(url: string, ports: DeployPorts): Step {
  ports.say(`waiting for ${url}`);
  const until = ports.now() + readyWithinMs;
  for (;;) {
    const status = await ports.statusOf(url);
    if (status === 200) return null;
    if (ports.now() + askEveryMs > until) {
      return `${url} did not become ready within ${readyWithinMs / 1_000} s: received ${status ?? "no answer"}`;
    }
    await ports.wait(askEveryMs);
  }
}
