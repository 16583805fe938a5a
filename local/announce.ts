/** What `npm start` prints: for people, or for a program that started it. */
import type { Standing } from "./behind.ts";
import type { LocalMesh } from "./mesh.ts";
import type { StartOptions } from "./start-options.ts";
import { type Tour, tokenLine } from "./tour.ts";

interface Facts {
  readonly mesh: LocalMesh;
  readonly options: StartOptions;
  readonly behind: Standing;
}

/** One line of JSON, when the mesh is ready. */
export function announceJson({ mesh, behind: { origin } }: Facts): void {
  const ports = mesh.edges.map(({ region, isolate, url }) => ({ region, isolate, url }));
  const admin = { client: "admin", secretFile: mesh.state.secretsFile };
  print(JSON.stringify({ ports, origin, pid: process.pid, runtimePid: mesh.runtimePid ?? null, admin }));
}

export function announceMesh({ mesh, options, behind }: Facts): void {
  const isSeveral = options.isolates > 1;
  print("", "A mesh of these edges is running:", "");
  for (const { region, isolate, url } of mesh.edges) {
    print(`  ${region.padEnd(5)}${isSeveral ? `isolate ${isolate}  ` : ""}${url}`);
  }
  print("", ...behindLines(behind, options), ...standInLines(behind));
  print(`The operator's login is the client "admin"; its secret is in ${mesh.state.secretsFile}.`);
  print(`State is kept in ${mesh.state.path}. Ctrl-C or SIGTERM ends the mesh (process ${process.pid}, or its npm).`);
  if (options.faults) print(`Faults: ${mesh.faults.howTo()}`);
}

function behindLines({ kind, origin }: Standing, options: StartOptions): string[] {
  if (kind === "demo") return [`Behind them is a small inventory of parts, ${origin}.`];
  if (kind === "configured") return [`Behind them are the services of ${options.config ?? "mesh.config.ts"}.`];
  if (options.config !== null) return [`Behind them is ${origin}, in place of every service of ${options.config}.`];
  const limits = options.enforce
    ? "limits are enforced"
    : "limits are in shadow mode: they count and refuse nothing (--enforce ends that)";
  return [`Behind them is ${origin}.`, `Identity is passed through untouched; ${limits}.`];
}

function standInLines({ standIn }: Standing): string[] {
  if (standIn === null) return [];
  const services = standIn.services.join(", ");
  return [`${standIn.url} stands in for ${services} (an example's origin), and answers what it is told.`];
}

/** On stderr: whoever reads the announcement as JSON finds it apart. */
export function announceFault(mesh: LocalMesh, fault: string): void {
  const [name = ""] = fault.split(":");
  const how = `Write a line ${name}=VALUE into ${mesh.state.secretsFile}, and start again.`;
  process.stderr.write(`\nUntil this is mended every request is answered 500: ${fault}.\n${how}\n\n`);
}

/** Each line can be pasted into a shell, the first one first; what follows a line is what it has just answered here. */
export function announceTour(mesh: LocalMesh, { shows, leftOut }: Tour): void {
  print("", "To try, with the answers of a moment ago:", "", `  ${tokenLine(mesh)}`);
  for (const { title, lines, note } of shows) {
    print("", `  # ${title}`);
    for (const { line, answer } of lines) print(`  ${line}`, ...answer.map((text) => `    # → ${text}`));
    if (note !== null) print(`    # ${note}`);
  }
  if (leftOut.length > 0) print("", ...leftOut.map((what) => `  # not shown: ${what}`));
  print("");
}

function print(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}
