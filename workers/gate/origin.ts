/** Where a service is, as this isolate reaches it. */
import type { Service } from "../config/mesh.ts";
import type { Local } from "../config/local.ts";
import { refuse, type Refusal } from "../problem/problem.ts";

const addressLiteral = /^https?:\/\/(?:\[|\d{1,3}(?:\.\d{1,3}){3}(?::|$))/;

/** The origin without a trailing slash. On one machine its own table wins over the configuration. */
export function originOf(service: Service, local: Local | null): string | Refusal {
  const origin = local?.origins[service.name] ?? local?.origins["*"] ?? service.origins[0];
  if (origin === undefined) return refuse("upstream_failed", `service ${service.name}: no origin is configured`);
  if (local?.likeProduction === true && addressLiteral.test(origin)) {
    return refuse(
      "upstream_failed",
      `service ${service.name}: a deployed mesh cannot reach an address: expected an origin with a host name`,
    );
  }
  return origin.endsWith("/") ? origin.slice(0, -1) : origin;
}
