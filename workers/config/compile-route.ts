/** A route: what it matches, where it leads, and whether its settings make sense together. */
import { compilePattern, type PathPattern } from "../gate/path-pattern.ts";
import { compileAllow } from "./compile-allow.ts";
import { checkLimitNames, compileRouteLimits } from "./compile-route-limits.ts";
import type { CacheRule, Cors, Limit, Rewrite, Route, Service } from "./mesh.ts";
import type { Mistakes } from "./mistakes.ts";
import { suggestion, type PathKey } from "./refusal.ts";
import { isLeadOf } from "./route-cover.ts";
import { routeSchema, type CorsSettings, type RouteSettings } from "./route-schema.ts";
import { isPlainObject } from "./shapes.ts";

export interface RouteSurroundings {
  readonly services: ReadonlyMap<string, Service>;
  readonly limits: ReadonlyMap<string, Limit>;
  /** The names as written: what is defined wrongly is not also unknown. */
  readonly known: {
    readonly services: readonly string[];
    readonly limits: readonly string[];
    /** The mesh itself first. */
    readonly issuers: readonly string[];
  };
}

type Path = readonly PathKey[];

/** null when something is wrong; then every reason is on the list. */
export function compileRoute(value: unknown, at: Path, around: RouteSurroundings, mistakes: Mistakes): Route | null {
  checkNames(value, at, around.known, mistakes);
  const settings = mistakes.read(routeSchema, value, at);
  if (settings === null) return null;
  const isShort = typeof settings.match === "string";
  const { path: text, host = null } = typeof settings.match === "string" ? { path: settings.match } : settings.match;
  const path = compileMatch(text, isShort ? [...at, "match"] : [...at, "match", "path"], mistakes);
  const service = around.services.get(settings.service);
  const identity = compileIdentity(settings.identity, at, mistakes);
  const limited = { need: identity.need, methods: settings.methods };
  const limits = compileRouteLimits(settings.limits, limited, [...at, "limits"], around.limits, mistakes);
  const allowing = { need: identity.need, path: text, issuers: around.known.issuers };
  const allow = compileAllow(settings.allow, allowing, [...at, "allow"], mistakes);
  const cors = compileCors(settings.cors, [...at, "cors"], mistakes);
  const rewrite = compileRewrite(settings.rewrite, text, [...at, "rewrite"], mistakes);
  const cache = compileCache(settings, identity.need, [...at, "cache"], mistakes);
  if (path === null || service === undefined) return null;
  const methods = settings.methods === undefined ? null : new Set(settings.methods);
  const name = `${settings.methods?.join(",") ?? "*"} ${host ?? ""}${text}`;
  const maxBodyBytes = settings.maxBodyBytes ?? null;
  return { name, host, path, methods, service, identity, allow, limits, cors, rewrite, maxBodyBytes, cache };
}

function compileMatch(text: string, at: Path, mistakes: Mistakes): PathPattern | null {
  if (/^\/_mesh(?:\/|$)/.test(text)) {
    mistakes.add(at, "a path outside of /_mesh, which the mesh answers itself", text);
    return null;
  }
  return mistakes.attempt(() => compilePattern(text), at, text);
}

/** Names are looked up in what was written, so that a route with another mistake tells of these too. */
function checkNames(value: unknown, at: Path, known: RouteSurroundings["known"], mistakes: Mistakes): void {
  if (!isPlainObject(value)) return;
  const { service, limits } = value;
  // Without any service that alone is the mistake.
  if (typeof service === "string" && known.services.length > 0 && !known.services.includes(service)) {
    mistakes.add([...at, "service"], `the name of a service${suggestion(service, known.services)}`, service);
  }
  checkLimitNames(limits, [...at, "limits"], known.limits, mistakes);
}

function compileIdentity(setting: RouteSettings["identity"], at: Path, mistakes: Mistakes): Route["identity"] {
  if (typeof setting === "string") return { need: setting, forward: "token" };
  if (setting.need === "none" && setting.forward !== "token") {
    mistakes.add(
      [...at, "identity", "forward"],
      '"token" (with need "none" nothing is read, and what came is passed on)',
      setting.forward,
    );
  }
  return setting;
}

function compileCors(cors: "origin" | CorsSettings | undefined, at: Path, mistakes: Mistakes): Cors | null {
  if (cors === undefined || cors === "origin") return null;
  const { credentials, methods = null, headers = null, exposed, maxAgeSeconds } = cors;
  // Fetch standard, section 3.2.5: a browser refuses that pair, and every site could read what a user may read.
  if (cors.origins === "*" && credentials)
    mistakes.add([...at, "origins"], "a list of origins, because credentials are allowed", "*");
  const origins = cors.origins === "*" ? cors.origins : new Set(cors.origins);
  return { origins, credentials, methods, headers, exposed, maxAgeSeconds };
}

function compileRewrite(
  rewrite: RouteSettings["rewrite"],
  pattern: string,
  at: Path,
  mistakes: Mistakes,
): Rewrite | null {
  if (rewrite === undefined) return null;
  const { strip, prefix = "" } = rewrite;
  if (strip === undefined && prefix === "") mistakes.add(at, "strip, prefix, or both", rewrite);
  if (strip !== undefined && !isLeadOf(strip, pattern)) {
    mistakes.add([...at, "strip"], `the leading segments of the route's path (${pattern})`, strip);
  }
  const isPlain = prefix === "" || (!prefix.includes("/:") && !prefix.endsWith("*"));
  if (!isPlain) mistakes.add([...at, "prefix"], "a path without parameters", prefix);
  else if (prefix !== "") mistakes.attempt(() => compilePattern(prefix), [...at, "prefix"], prefix);
  const stripped = strip === undefined ? null : mistakes.attempt(() => compilePattern(strip), [...at, "strip"], strip);
  return { strip: stripped, prefix: prefix.replace(/\/$/, "") };
}

function compileCache(
  settings: RouteSettings,
  need: Route["identity"]["need"],
  at: Path,
  mistakes: Mistakes,
): CacheRule | null {
  const { cache, methods } = settings;
  if (cache === undefined) return null;
  if (methods !== undefined && !methods.includes("GET") && !methods.includes("HEAD")) {
    mistakes.add(at, "a route that takes GET or HEAD: nothing else is kept", methods);
  }
  if (need === "none" && cache.partition.length > 0) {
    mistakes.add([...at, "partition"], 'none, because identity "none" reads no identity to part by', cache.partition);
  }
  return cache;
}
