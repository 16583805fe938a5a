/** A bounded load on one address of this machine, and what it did a second. `wrk` where it is installed, else autocannon. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import autocannon, { type Request } from "autocannon";
import type { TokenReel } from "./token-reel.ts";

export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** In place of `headers`: each request brings the next of these. */
  readonly tokens?: TokenReel;
  readonly seconds: number;
  readonly connections: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Answers that were not 2xx, and requests without an answer. A run with any proves nothing. */
  readonly failed: number;
}

export type Loader = (load: Load) => Promise<LoadResult>;

const run = promisify(execFile);
const tokensScript = join(import.meta.dirname, "tokens.lua");

export async function findLoader(): Promise<{ readonly name: string; readonly load: Loader }> {
  try {
    await run("wrk", ["-v"]);
  } catch (error) {
    // wrk says its version and ends with 1; only its absence has a code in letters.
    if ((error as { readonly code?: unknown }).code === "ENOENT") return { name: "autocannon", load: byAutocannon };
  }
  return { name: "wrk", load: byWrk };
}

async function byWrk({ url, headers, tokens, seconds, connections }: Load): Promise<LoadResult> {
  const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const [script, fromHere] =
    tokens === undefined
      ? [[], []]
      : [
          ["-s", tokensScript],
          [tokens.file, `${tokens.turn}`],
        ];
  const bounds = ["-t1", `-c${connections}`, `-d${seconds}s`];
  const { stdout } = await run("wrk", [...bounds, ...fields, ...script, url, ...fromHere]);
  // Those without an answer at the end were sent, too.
  tokens?.pass(Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0) + connections);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  return { perSecond, failed: broken.reduce((sum, count) => sum + Number(count), refused) };
}

async function byAutocannon({ url, headers, tokens, seconds, connections }: Load): Promise<LoadResult> {
  const withNext = (reel: TokenReel) => (request: Request) => {
    return { ...request, headers: { ...request.headers, Authorization: `Bearer ${reel.next()}` } };
  };
  const requests = tokens === undefined ? {} : { requests: [{ setupRequest: withNext(tokens) }] };
  const result = await autocannon({ url, headers: { ...headers }, duration: seconds, connections, ...requests });
  return { perSecond: result.requests.average, failed: result.non2xx + result.errors + result.timeouts };
}
