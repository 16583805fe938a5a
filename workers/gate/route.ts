/** Which route a request takes. First match wins, on the canonical path; the order is the operator's. */
import type { Rewrite, Route } from "../config/mesh.ts";
import type { PathParams } from "./path-pattern.ts";

export type Routed =
  | { readonly kind: "matched"; readonly route: Route; readonly params: PathParams }
  | { readonly kind: "no_route" }
  /** The path matches, the method does not: `route` is the first such, `methods` are those of all of them. */
  | { readonly kind: "method_not_allowed"; readonly route: Route; readonly methods: readonly string[] };

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
