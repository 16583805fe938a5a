/** One shell for all lines of a guide, as its reader has it: what one line sets, the next one finds. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

const packages = join(import.meta.dirname, "..", "..", "node_modules");
const mark = "---- end of a line ----";

export class GuideShell {
  readonly #folder = mkdtempSync(join(tmpdir(), "selvedge-guide-"));
  readonly #shell: ChildProcessWithoutNullStreams;
  /** What was printed since the last mark. */
  #printed = "";

  constructor(variables: Readonly<Record<string, string>>) {
    const path = [this.#folder, dirname(process.execPath), process.env["PATH"]].join(delimiter);
    const env = { PATH: path, HOME: this.#folder, NO_COLOR: "1", ...variables };
    this.#shell = spawn("/bin/sh", [], { cwd: this.#folder, env });
    this.#shell.stdout.setEncoding("utf8").on("data", (chunk: string) => (this.#printed += chunk));
    this.#shell.stderr.pipe(process.stderr);
  }

  /** A file in the folder where the guide's lines are run, such as a program that it shows. */
  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.#folder, name)), { recursive: true });
    writeFileSync(join(this.#folder, name), text);
  }

  /** A package that programs import, as if the reader had installed it. */
  install(name: string): void {
    mkdirSync(join(this.#folder, "node_modules"), { recursive: true });
    symlinkSync(join(packages, name), join(this.#folder, "node_modules", name));
  }

  /** A folder that is elsewhere, at this name in the folder where the guide's lines are run. */
  link(name: string, folder: string): void {
    symlinkSync(folder, join(this.#folder, name));
  }

  /** A command that the guide's lines run, in the place of the one of this name. */
  writeCommand(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text, { mode: 0o700 });
  }

  /** What the line prints. */
  async run(command: string): Promise<string> {
    this.#printed = "";
    this.#shell.stdin.write(`${command}\nprintf '%s\\n' '${mark}'\n`);
    while (!this.#printed.endsWith(`${mark}\n`)) await once(this.#shell.stdout, "data");
    return this.#printed.slice(0, -mark.length - 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.stdin.end();
    if (this.#shell.exitCode === null) await once(this.#shell, "close");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
