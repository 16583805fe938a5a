/** What may follow `npm run deploy --`, checked. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

export interface DeployOptions {
  /** `https://api.example.com`; null: where the routes of wrangler.toml say. */
  readonly url: string | null;
  readonly secretsFile: string | null;
}

export const help = `npm run deploy -- [options]

Checks the tree, looks for the secrets, makes the queues that are missing, deploys with wrangler, waits until the mesh is
ready, and says how to undo it. Stops at the first of these that fails. \`npx wrangler login\` comes before, or
CLOUDFLARE_API_TOKEN is set.

  --url URL             where the mesh answers, https (default: the first host name in the routes of wrangler.toml)
  --secrets-file FILE   secrets to put up with the Worker: lines of NAME=value, or JSON
  --help                prints this
`;

export class UsageMistake extends Error {}

const declared = {
  url: { type: "string" },
  "secrets-file": { type: "string" },
  help: { type: "boolean", default: false },
} as const;

export type Request = { readonly kind: "help" } | { readonly kind: "deploy"; readonly options: DeployOptions };

export function readOptions(args: readonly string[]): Request {
  const values = parse(args);
  if (values.help) return { kind: "help" };
  const file = values["secrets-file"];
  const options: DeployOptions = {
    url: values.url === undefined ? null : readUrl(values.url),
    secretsFile: file === undefined ? null : readFile(file),
  };
  return { kind: "deploy", options };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: declared, strict: true, allowPositionals: false }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const names = Object.keys(declared).map((name) => `--${name}`);
    throw new UsageMistake(`${error.message.split(". ")[0] ?? error.message}\nThere are: ${names.join(" ")}`);
  }
}

function readUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== "https:") throw new UsageMistake(`--url: expected an https address: received ${text}`);
  return url.origin;
}

function readFile(text: string): string {
  const path = resolve(text);
  if (!existsSync(path))
    throw new UsageMistake(`--secrets-file: expected a file: received ${path}, which is not there`);
  return path;
}
