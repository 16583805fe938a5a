/** `npm start` as somebody sees it who starts it in a terminal, and the lines of its tour pasted into another. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

export interface TourLine {
  readonly line: string;
  /** `200` and the body, at most 160 characters of it. */
  readonly status: number;
  readonly body: string;
  /** `Cache-Status: ...` and the like. */
  readonly fields: readonly string[];
}

export interface Tour {
  readonly text: string;
  readonly tokenLine: string;
  readonly lines: readonly TourLine[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a mesh on free ports with a state folder whose name a shell must be careful with, and reads until the tour's end. */
export async function startTour(...args: readonly string[]): Promise<Tour> {
  const folder = mkdtempSync(join(tmpdir(), "selvedge tour's "));
  const options = ["--port", "0", "--state", join(folder, "state"), ...args];
  const child = spawn(process.execPath, [join(root, "local", "start.ts"), ...options], {
    cwd: root,
    env: { ...process.env, SELVEDGE_BUNDLES: join(root, "dist", "local") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const text = await printed(child);
  return {
    text,
    ...readTour(text),
    async [Symbol.asyncDispose]() {
      const closed = child.exitCode === null ? once(child, "close") : null;
      child.kill("SIGTERM");
      await closed;
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** The tour ends with an empty line of its own. */
async function printed(child: ChildProcess): Promise<string> {
  let text = "";
  if (child.stdout === null) throw new Error("cannot read the tour: expected a pipe");
  child.stdout.setEncoding("utf8");
  for await (const chunk of child.stdout as AsyncIterable<string>) {
    text += chunk;
    if (text.includes("To try, ") && text.endsWith("\n\n")) {
      child.stdout.resume();
      return text;
    }
  }
  throw new Error(`cannot read the tour: the mesh ended before it was printed:\n${text}`);
}

function readTour(text: string): Pick<Tour, "tokenLine" | "lines"> {
  const tour = text.slice(text.indexOf("To try, ")).split("\n").slice(1);
  const lines: { line: string; answer: string[] }[] = [];
  for (const printedLine of tour) {
    if (printedLine.startsWith("    # → ")) lines.at(-1)?.answer.push(printedLine.slice(8));
    else if (/^ {2}[^ #]/.test(printedLine)) lines.push({ line: printedLine.slice(2), answer: [] });
  }
  const [token, ...shown] = lines;
  if (token === undefined) throw new Error(`cannot read the tour: expected lines:\n${text}`);
  return {
    tokenLine: token.line,
    lines: shown.map(({ line, answer: [first = "", ...fields] }) => {
      const [status = "", body = ""] = first.split(/ {2}(.*)/s);
      return { line, status: Number(status), body, fields };
    }),
  };
}

export interface Pasted {
  readonly status: number;
  /** All that the line printed. */
  readonly output: string;
}

/** Pastes these lines into one new shell, unchanged; its curl also tells each status, which a line alone does not. */
export async function paste(lines: readonly string[]): Promise<readonly Pasted[]> {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-shell-"));
  writeFileSync(join(folder, ".curlrc"), 'write-out = "%{stderr}%{http_code}\\n"\n');
  const mark = "---- end of a line ----";
  const script = lines.map((line) => `${line}\nprintf '%s\\n' '${mark}'\nprintf '%s\\n' '${mark}' >&2\n`).join("");
  const env = { PATH: process.env.PATH, HOME: folder, CURL_HOME: folder };
  const shell = spawn("/bin/sh", [], { cwd: folder, env, stdio: ["pipe", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  shell.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  shell.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  shell.stdin.end(script);
  await once(shell, "close");
  rmSync(folder, { recursive: true, force: true });
  const [outputs, statuses] = [said.stdout, said.stderr].map((text) => text.split(`${mark}\n`));
  return lines.map((_, index) => ({ status: Number(statuses?.[index]), output: outputs?.[index] ?? "" }));
}
