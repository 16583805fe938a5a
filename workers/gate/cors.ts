/**
 * CORS (Fetch standard) for routes that set it; the others leave it to the upstream. A preflight carries no credentials,
 * so it passes by identity; one that goes on to the upstream is counted where a limit needs to know nobody. A refusal
 * carries the same fields as an answer, so that a browser can read it.
 */
import type { Cors } from "../config/mesh.ts";
import type { Fields } from "./fields.ts";

type Head = Readonly<Record<string, string>>;

const nothing: Head = Object.freeze({});
/** What a preflight may ask for when the route does not list its methods. */
const usualMethods = "GET, HEAD, POST, PUT, PATCH, DELETE";

export function isPreflight(method: string, fields: Fields): boolean {
  return method === "OPTIONS" && fields.has("origin") && fields.has("access-control-request-method");
}

/** Fields of an answer or a refusal to a request from `origin`; none when the origin is not on the list. */
export function corsHead(cors: Cors | null, origin: string | null | undefined): Head {
  const allowed = allowedOrigin(cors, origin);
  if (cors === null || allowed === null) return nothing;
  return {
    "Access-Control-Allow-Origin": allowed,
    ...(cors.credentials && allowed !== "*" ? { "Access-Control-Allow-Credentials": "true" } : {}),
    ...(cors.exposed.length === 0 ? {} : { "Access-Control-Expose-Headers": cors.exposed.join(", ") }),
  };
}

/**
 * Fields of the answer to a preflight. An origin, method or field that is not allowed is left out: the browser tells its
 * developer so. `routeMethods` are what the route takes at all; null for any.
 */
export function preflightHead(cors: Cors, routeMethods: ReadonlySet<string> | null, fields: Fields): Head {
  const allowed = allowedOrigin(cors, fields.get("origin"));
  if (allowed === null) return { Vary: varyOfPreflight };
  const wanted = fields.get("access-control-request-headers");
  const headers = cors.headers === null ? wanted : cors.headers.join(", ");
  const listed = cors.methods ?? (routeMethods === null ? null : [...routeMethods]);
  return {
    "Access-Control-Allow-Origin": allowed,
    ...(cors.credentials && allowed !== "*" ? { "Access-Control-Allow-Credentials": "true" } : {}),
    "Access-Control-Allow-Methods": listed === null ? usualMethods : listed.join(", "),
    ...(headers === undefined || headers === "" ? {} : { "Access-Control-Allow-Headers": headers }),
    "Access-Control-Max-Age": String(cors.maxAgeSeconds),
    Vary: varyOfPreflight,
  };
}

const varyOfPreflight = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/** Whether the route's answers differ by origin, so that a cache behind the gate must tell them apart. */
export function variesByOrigin(cors: Cors | null): boolean {
  return cors !== null && cors.origins !== "*";
}

/** What Access-Control-Allow-Origin says; null when nothing may be said. */
function allowedOrigin(cors: Cors | null, origin: string | null | undefined): string | null {
  if (cors === null || origin === null || origin === undefined) return null;
  if (cors.origins === "*") return "*";
  return cors.origins.has(origin) ? origin : null;
}
