/** Which route a request takes. First match wins, on the canonical path; the order is the operator's. */
import type { Mesh, Rewrite, Route } from "../config/mesh.ts";
import { ownPath } from "../own-path.ts";
import type { PathParams } from "./path-pattern.ts";
import { otherReadingOf } from "./path-reading.ts";

export type Routed =
  | { readonly kind: "matched"; readonly route: Route; readonly params: PathParams }
  | { readonly kind: "no_route" }
  /** The path matches, the method does not: `route` is the first such, `methods` are those of all of them. */
  | { readonly kind: "method_not_allowed"; readonly route: Route; readonly methods: readonly string[] };

/**
 * "two_readings": some servers would read the path as one that takes another route, or that is the mesh's own, and so
 * serve it past that route's identity and limits.
 */
export function routeOf(
  { mount, routes }: Pick<Mesh, "mount" | "routes">,
  host: string,
  path: string,
  method: string,
): Routed | { readonly kind: "two_readings" } {
  const routed = findRoute(routes, host, path, method);
  const reading = otherReadingOf(path);
  if (reading === null) return routed;
  const other = findRoute(routes, host, reading, method);
  const isSame = foundIn(routed) === foundIn(other) && ownPath(mount, reading) === null;
  return isSame ? routed : { kind: "two_readings" };
}

/** Also of one that does not take the method: a preflight may go on to its upstream. */
function foundIn(routed: Routed): Route | null {
  return routed.kind === "no_route" ? null : routed.route;
}

export function findRoute(routes: readonly Route[], host: string, path: string, method: string): Routed {
  let first: Route | null = null;
  for (const route of routes) {
    if (route.host !== null && route.host !== host) continue;
    const params = route.path.match(path);
    if (params === null) continue;
    if (takes(route, method)) return { kind: "matched", route, params };
    first ??= route;
  }
  return first === null
    ? { kind: "no_route" }
    : { kind: "method_not_allowed", route: first, methods: methodsOf(routes, host, path) };
}

/**
 * Never forwarded: TRACE would show a client what the mesh says to the upstream, its proof too (RFC 9110 section 9.3.8),
 * and CONNECT asks for a tunnel.
 */
const unforwarded: ReadonlySet<string> = new Set(["CONNECT", "TRACE"]);
/** What a 405 lists where a route takes any method. */
const usualMethods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"] as const;

function takes(route: Route, method: string): boolean {
  return route.methods === null ? !unforwarded.has(method) : route.methods.has(method);
}

/** The methods that some route on this path takes, sorted. */
function methodsOf(routes: readonly Route[], host: string, path: string): readonly string[] {
  const methods = new Set<string>();
  for (const route of routes) {
    if (route.host !== null && route.host !== host) continue;
    if (route.path.match(path) === null) continue;
    for (const method of route.methods ?? usualMethods) methods.add(method);
  }
  return [...methods].toSorted();
}

/** The path that the upstream is asked for. */
export function rewrite(rule: Rewrite | null, path: string): string {
  if (rule === null) return path;
  const lead = rule.strip === null ? 0 : rule.strip.lead(path);
  // The configuration is checked so that what a route matches can be stripped; a path without the lead stays whole.
  const rest = lead <= 0 ? path : path.slice(lead);
  return `${rule.prefix}${rest.startsWith("/") ? rest : `/${rest}`}`;
}
