/**
 * CORS of the auth paths where `mount.auth` puts them: that of the route to which they would lead otherwise. Never of the
 * pages that a browser is sent to, `/authorize` above all: those no script reads (RFC 9700 section 2.6).
 */
import type { Cors, Mesh } from "./config/mesh.ts";
import { corsHead, isPreflight, preflightHead, variesByOrigin } from "./gate/cors.ts";
import type { Fields } from "./gate/fields.ts";
import { findRoute } from "./gate/route.ts";
import type { Target } from "./gate/target.ts";

const scripted = /^\/_mesh\/v1\/auth\/(?:token(?:\/cookie)?|tokens\/[^/]+|logout|introspect|revoke)$/;
/** The token paths have some of their own. */
const exposed = "Access-Control-Expose-Headers";

/** `own` is where the path leads below /_mesh. null: no script of another origin may call it. */
export function mountedCors(
  { routes }: Pick<Mesh, "routes">,
  { host, path }: Extract<Target, { readonly kind: "target" }>,
  own: string,
): Cors | null {
  if (own === path || !scripted.test(own)) return null;
  const routed = findRoute(routes, host, path, "POST");
  return routed.kind === "no_route" ? null : routed.route.cors;
}

/** A preflight is answered here, and `ask` asked for the rest: its answer, with what lets the page read it. */
export async function readable(
  cors: Cors,
  { method, fields, head }: { readonly method: string; readonly fields: Fields; readonly head: Record<string, string> },
  ask: () => Promise<Response>,
): Promise<Response> {
  if (isPreflight(method, fields)) {
    return new Response(null, { status: 204, headers: { ...head, ...preflightHead(cors, null, fields) } });
  }
  const answer = await ask();
  const { headers } = answer;
  for (const [name, value] of Object.entries(corsHead(cors, fields.get("origin")))) {
    if (name === exposed) headers.append(name, value);
    else headers.set(name, value);
  }
  if (variesByOrigin(cors)) headers.append("Vary", "Origin");
  return answer;
}
