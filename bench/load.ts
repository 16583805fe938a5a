/** A bounded load on one address of this machine, and what it did a second. `wrk` where it is installed, else autocannon. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import autocannon from "autocannon";

export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
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

export async function findLoader(): Promise<{ readonly name: string; readonly load: Loader }> {
  try {
    await run("wrk", ["-v"]);
  } catch (error) {
    // wrk says its version and ends with 1; only its absence has a code in letters.
    if ((error as { readonly code?: unknown }).code === "ENOENT") return { name: "autocannon", load: byAutocannon };
  }
  return { name: "wrk", load: byWrk };
}

async function byWrk({ url, headers, seconds, connections }: Load): Promise<LoadResult> {
  const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const { stdout } = await run("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, ...fields, url]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  return { perSecond, failed: broken.reduce((sum, count) => sum + Number(count), refused) };
}

async function byAutocannon({ url, headers, seconds, connections }: Load): Promise<LoadResult> {
  const result = await autocannon({ url, headers: { ...headers }, duration: seconds, connections });
  return { perSecond: result.requests.average, failed: result.non2xx + result.errors + result.timeouts };
}
