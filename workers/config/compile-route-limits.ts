/** The limits of a route: which they are, what a request costs of each, and whether they can count here at all. */
import { countsMethod } from "../limit/counted-methods.ts";
import { amountsOf } from "../limit/quota.ts";
import type { Limit, Route, RouteLimit } from "./mesh.ts";
import type { Mistakes } from "./mistakes.ts";
import { suggestion, type PathKey } from "./refusal.ts";
import type { RouteSettings } from "./route-schema.ts";
import { isPlainObject } from "./shapes.ts";

type Path = readonly PathKey[];
type LimitUse = RouteSettings["limits"][number];

const needsIdentity: ReadonlySet<string> = new Set(["subject", "tenant", "client", "claim"]);

/** Names are looked up in what was written, so that a route with another mistake tells of these too. */
export function checkLimitNames(limits: unknown, at: Path, known: readonly string[], mistakes: Mistakes): void {
  if (!Array.isArray(limits)) return;
  const before = new Set<string>();
  for (const [index, use] of (limits as readonly unknown[]).entries()) {
    const { name, path } = nameOf(use, [...at, index]);
    if (typeof name !== "string") continue;
    if (!known.includes(name)) mistakes.add(path, `the name of a limit${suggestion(name, known)}`, name);
    else if (before.has(name)) mistakes.add(path, "each limit once", name);
    before.add(name);
  }
}

/** What of a route its limits must fit. */
export interface LimitedRoute {
  readonly need: Route["identity"]["need"];
  readonly methods: readonly string[] | undefined;
}

export function compileRouteLimits(
  uses: readonly LimitUse[],
  { need, methods }: LimitedRoute,
  at: Path,
  limits: ReadonlyMap<string, Limit>,
  mistakes: Mistakes,
): readonly RouteLimit[] {
  return uses.flatMap((use, index) => {
    const { name, cost = 1, costHeader = null } = typeof use === "string" ? { name: use } : use;
    const limit = limits.get(name);
    // Unknown, or wrong in itself: said elsewhere.
    if (limit === undefined) return [];
    const path = [...at, index];
    checkAsker(limit, need, nameOf(use, path).path, mistakes);
    checkMethods(limit, methods, nameOf(use, path).path, mistakes);
    if (limit.algorithm === "concurrency") checkPermits({ cost, costHeader }, path, mistakes);
    else checkCost(limit, { cost, costHeader }, path, mistakes);
    return [{ limit, cost, costHeader }];
  });
}

/** What the limit needs to know of whoever asks, the route must read. */
function checkAsker(limit: Limit, need: Route["identity"]["need"], path: Path, mistakes: Mistakes): void {
  const { name, by, quota } = limit;
  const part = by.find(({ kind }) => needsIdentity.has(kind));
  if (need === "none" && (part !== undefined || typeof quota === "object")) {
    const why = part === undefined ? "its quota is by claim" : `it counts by ${part.kind}`;
    mistakes.add(path, `a limit that needs no identity, which this route does not read (${why})`, name);
  }
  if (by.some(({ kind }) => kind === "key")) {
    mistakes.add(path, 'a limit whose key a request has: by "key" only POST /_mesh/v1/limits/NAME/take counts', name);
  }
}

/** A limit that passes every request of the route by would protect nothing, and nobody would notice. */
function checkMethods(
  { name, methods }: Limit,
  ofRoute: LimitedRoute["methods"],
  path: Path,
  mistakes: Mistakes,
): void {
  if (methods === null || ofRoute === undefined || ofRoute.some((method) => countsMethod(methods, method))) return;
  const counted = methods === "write" ? "writes" : [...methods].join(", ");
  mistakes.add(path, `a limit that counts a method of the route (this one counts ${counted})`, name);
}

/** A request is one request, whatever it does. */
function checkPermits({ cost, costHeader }: Omit<RouteLimit, "limit">, path: Path, mistakes: Mistakes): void {
  if (cost !== 1) mistakes.add([...path, "cost"], "1: a request holds one permit while it runs", cost);
  if (costHeader === null) return;
  mistakes.add([...path, "costHeader"], "no such setting: a limit of requests at once has no cost", costHeader);
}

function checkCost(
  limit: Limit,
  { cost, costHeader }: { readonly cost: number; readonly costHeader: string | null },
  path: Path,
  mistakes: Mistakes,
): void {
  // What takes nothing is never refused: whatever is owed, the next request would pass.
  if (cost === 0 && costHeader !== null) mistakes.add([...path, "cost"], "at least 1 beside costHeader", cost);
  const most = largestCost(limit);
  if (most === null || cost <= most) return;
  const what = limit.algorithm === "token-bucket" ? "burst" : "quota";
  mistakes.add([...path, "cost"], `at most ${most}, the ${what} of ${limit.name}: more could never pass`, cost);
}

/** What the highest plan can ever admit at once; null without a bound, and where nobody is meant to pass. */
function largestCost({ algorithm, quota, burst }: Limit): number | null {
  const amounts = amountsOf(quota);
  const numbers = amounts.filter((amount) => amount !== "unlimited");
  const most = Math.max(...numbers);
  if (numbers.length < amounts.length || most === 0) return null;
  return algorithm === "token-bucket" ? burst : most;
}

function nameOf(use: unknown, path: Path): { readonly name: unknown; readonly path: Path } {
  return isPlainObject(use) ? { name: use["name"], path: [...path, "name"] } : { name: use, path };
}
