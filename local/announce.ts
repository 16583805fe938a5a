/** What `npm start` prints: for people, or for a program that started it. */
import type { LocalMesh } from "./mesh.ts";
import type { StartOptions } from "./start-options.ts";
import { type BehindKind, type Tour, tokenLine } from "./tour.ts";

interface Facts {
  readonly mesh: LocalMesh;
  readonly options: StartOptions;
  /** What the mesh stands in front of; null when the configuration says it. */
  readonly origin: string | null;
}

/** One line of JSON, when the mesh is ready. */
export function announceJson({ mesh, origin }: Facts): void {
  const ports = mesh.edges.map(({ region, isolate, url }) => ({ region, isolate, url }));
  const admin = { client: "admin", secretFile: mesh.state.secretsFile };
  print(JSON.stringify({ ports, origin, pid: process.pid, runtimePid: mesh.runtimePid ?? null, admin }));
}

export function announceMesh({ mesh, options, origin }: Facts, behind: BehindKind): void {
  const isSeveral = options.isolates > 1;
  print("", "A mesh of these edges is running:", "");
  for (const { region, isolate, url } of mesh.edges) {
    print(`  ${region.padEnd(5)}${isSeveral ? `isolate ${isolate}  ` : ""}${url}`);
  }
  print("", ...behindLines(behind, origin, options));
  print(`The operator's login is the client "admin"; its secret is in ${mesh.state.secretsFile}.`);
  print(`State is kept in ${mesh.state.path}. Ctrl-C ends the mesh (process ${process.pid}).`);
  if (options.faults) print(`Faults: ${mesh.faults.howTo()}`);
}

function behindLines(behind: BehindKind, origin: string | null, options: StartOptions): string[] {
  if (behind === "demo") return [`Behind them is a small inventory of parts, ${origin}.`];
  if (behind === "configured") return [`Behind them are the services of ${options.config}.`];
  if (options.config !== null) return [`Behind them is ${origin}, in place of every service of ${options.config}.`];
  const limits = options.enforce
    ? "limits are enforced"
    : "limits are in shadow mode: they count and refuse nothing (--enforce ends that)";
  return [`Behind them is ${origin}.`, `Identity is passed through untouched; ${limits}.`];
}

/** Each line can be pasted into a shell, the first one first; what follows a line is what it has just answered here. */
export function announceTour(mesh: LocalMesh, { shows, leftOut }: Tour): void {
  print("", "To try, with the answers of a moment ago:", "", `  ${tokenLine(mesh)}`);
  for (const { title, lines } of shows) {
    print("", `  # ${title}`);
    for (const { line, answer } of lines) print(`  ${line}`, ...answer.map((text) => `    # → ${text}`));
  }
  if (leftOut.length > 0) print("", ...leftOut.map((what) => `  # not shown: ${what}`));
  print("");
}

function print(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}
