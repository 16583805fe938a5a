/** Fields that speak of one connection only and end there. RFC 9110 section 7.6.1. */
import type { Fields } from "./fields.ts";

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** `name` is lower case. */
export function isHopByHop(name: string): boolean {
  return hopByHop.has(name) || name.startsWith("proxy-");
}

const nothing: ReadonlySet<string> = new Set();

/** What a Connection field lists, lower case. */
export function listedIn(connection: string | null | undefined): ReadonlySet<string> {
  if (connection === null || connection === undefined) return nothing;
  return new Set(
    connection
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
}

/** `Mesh-Subject`, `mesh_subject`, `MESH-...`: underscores reach CGI and WSGI as the same name. `name` is lower case. */
export function isOfMesh(name: string): boolean {
  return name.startsWith("mesh-") || name.startsWith("mesh_");
}

/** A WebSocket handshake: the one upgrade that passes. RFC 6455 section 4.1. */
export function isWebSocketUpgrade(method: string, fields: Fields): boolean {
  return method === "GET" && fields.get("upgrade")?.toLowerCase() === "websocket";
}
