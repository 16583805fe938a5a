/**
 * What there is to see, as curl lines with the answers that this very mesh has just given to them. Each show is a row of
 * requests in order; the shows do not touch each other and are made at the same time. Each leaves things as it found
 * them, so that the lines, pasted, answer as printed. What they make has a name of this start: lines that somebody has
 * pasted, all or some of them, change nothing for the next start, nor does a start for what is somebody's own.
 */
import { setTimeout } from "node:timers/promises";
import { CannotStart } from "./cannot-start.ts";
import type { LocalMesh } from "./mesh.ts";
import type { Standing } from "./behind.ts";
import { lockShow } from "./lock-show.ts";
import { loginToShow } from "./login-show.ts";
import { curlLine, perform, send, type ShownRequest, tokenOut } from "./shown-request.ts";
import { type Found, type Show, urlAt } from "./show.ts";

export interface ShowAnswered {
  readonly title: string;
  readonly lines: readonly { readonly line: string; readonly answer: readonly string[] }[];
  readonly note: string | null;
}

export interface Tour {
  readonly shows: readonly ShowAnswered[];
  /** What cannot be shown here, and why. */
  readonly leftOut: readonly string[];
}

/** Of shorter windows another one has begun before the third line is pasted. */
const shortestShownMs = 10_000;
/** How long a request that waits is left to wait, so that it can be seen that it did. */
const shownWaitMs = 1_000;

interface LimitFacts {
  readonly name: string;
  readonly algorithm: string;
  readonly quota: number | "unlimited";
  readonly windowMs: number;
  readonly mode: "enforce" | "shadow";
}

/** A line that puts an admin token into `$TOKEN`, in any POSIX shell. */
export function tokenLine(mesh: LocalMesh): string {
  const secret = `sed -n 's/^MESH_ADMIN_SECRET=//p' '${mesh.state.secretsFile.replaceAll("'", `'\\''`)}'`;
  const call = `curl -s -u "admin:$(${secret})" -d grant_type=client_credentials ${urlAt(mesh, 0)}/_mesh/v1/auth/token`;
  return `TOKEN=$(${call} | ${tokenOut})`;
}

/** `start`: this start's own part of names. */
export async function makeTour(
  mesh: LocalMesh,
  behind: Standing["kind"],
  start = Date.now().toString(36),
): Promise<Tour> {
  const token = await mesh.adminToken();
  const asked = await Promise.all([limitToShow(mesh, token, start), purgeToShow(mesh, behind)]);
  const found = [...asked, loginToShow(mesh, behind, start)];
  const shows = found.flatMap((one) => (one.kind === "show" ? [one.show] : []));
  return {
    shows: await Promise.all([...shows, lockShow(mesh, start)].map((show) => answered(show, token))),
    leftOut: found.flatMap((one) => (one.kind === "none" ? [one.why] : [])),
  };
}

async function answered(show: Show, token: string): Promise<ShowAnswered> {
  const { title, requests, printed, before = [], meanwhile, after = [], note = null } = show;
  const tokens = new Map([["TOKEN", token]]);
  const lines = [];
  for (const request of before) await perform(request, tokens);
  for (const [index, request] of requests.entries()) {
    const answer = perform(request, tokens);
    if (meanwhile !== undefined && index === requests.length - 1) {
      await Promise.race([answer, setTimeout(shownWaitMs)]);
      await perform(meanwhile, tokens);
    }
    lines.push({ line: curlLine(printed?.[index] ?? request), answer: await answer });
  }
  for (const request of after) await perform(request, tokens);
  return { title, lines, note };
}

/** Half the quota twice, and once more: wherever it is asked, a limit is one limit. */
function limitShow(mesh: LocalMesh, { name, quota, windowMs }: LimitFacts, start: string): Show {
  const cost = Number(quota) / 2;
  const requests = (key: string): readonly ShownRequest[] =>
    [0, 1, 2].map((edge) => ({
      method: "POST",
      url: `${urlAt(mesh, edge)}/_mesh/v1/limits/${name}/take`,
      json: { key, cost },
      bearer: "TOKEN",
    }));
  // A new key is a new budget: a second start within the window finds all of it, and so does who pastes the lines.
  return {
    title: `one limit, whichever edge is asked: ${quota} in ${windowMs / 1_000} s (another key is another budget)`,
    requests: requests(`tour-${start}`),
    printed: requests(`you-${start}`),
  };
}

/** That of the longest window: there is time to paste three lines. A bucket fills up meanwhile, permits cannot be taken. */
async function limitToShow(mesh: LocalMesh, token: string, start: string): Promise<Found> {
  const response = await fetch(`${urlAt(mesh, 0)}/_mesh/v1/limits`, { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) {
    const { code } = (await response.json().catch(() => ({}))) as { readonly code?: string };
    throw new CannotStart(
      `the mesh refuses its own operator (GET /_mesh/v1/limits: ${response.status} ${code ?? ""}): --fresh begins anew, without what ${mesh.state.path} holds`,
    );
  }
  const { limits } = (await response.json()) as { readonly limits: readonly LimitFacts[] };
  const fit = limits.filter(
    ({ algorithm, quota, windowMs, mode }) =>
      (algorithm === "fixed-window" || algorithm === "sliding-window") &&
      typeof quota === "number" &&
      quota >= 2 &&
      quota % 2 === 0 &&
      windowMs >= shortestShownMs &&
      mode === "enforce",
  );
  const [longest] = fit.toSorted((one, other) => other.windowMs - one.windowMs);
  return longest === undefined
    ? { kind: "none", why: "a limit: no window of ten seconds or more with an even quota is enforced here" }
    : { kind: "show", show: limitShow(mesh, longest, start) };
}

/** What a configuration names may be far away and in use: only what was given to try is asked. */
async function purgeToShow(mesh: LocalMesh, behind: Standing["kind"]): Promise<Found> {
  if (behind === "demo") return { kind: "show", show: purgeShow(mesh, "/parts/1", { tags: ["part-1"] }) };
  if (behind === "configured") return { kind: "none", why: "a purge: it would ask your services" };
  const first = await readOfRoot(mesh);
  if (first.status !== 200) return { kind: "none", why: `a purge: GET / answers ${first.status}` };
  return (await readOfRoot(mesh)).isHit
    ? { kind: "show", show: purgeShow(mesh, "/", { prefixes: ["/"] }) }
    : { kind: "none", why: "a purge: nothing is kept of GET /, whose answer and route do not let it be" };
}

async function readOfRoot(mesh: LocalMesh): Promise<{ readonly status: number; readonly isHit: boolean }> {
  const { status, headers, body } = await send({ url: `${urlAt(mesh, 0)}/` }, new Map());
  // What is broken off may not be kept.
  for await (const _ of body ?? []);
  return { status, isHit: /\bhit\b/.test(headers.get("Cache-Status") ?? "") };
}

function purgeShow(mesh: LocalMesh, path: string, what: object): Show {
  const read = (edge: number): ShownRequest => ({ url: `${urlAt(mesh, edge)}${path}`, shows: ["Cache-Status", "Age"] });
  const purge: ShownRequest = {
    method: "POST",
    url: `${urlAt(mesh, 1)}/_mesh/v1/invalidations?ack=everywhere`,
    json: what,
    bearer: "TOKEN",
  };
  return {
    title: "a purge that is everywhere when it is answered",
    requests: [read(0), read(0), purge, read(0)],
    before: [read(0), purge],
    after: [purge],
  };
}
