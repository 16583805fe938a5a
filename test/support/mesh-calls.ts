/** Calls of tests to a mesh: reads that tell what they got and whether it came from a cache, and the mesh API. */
import type { LocalMesh } from "../../local/mesh.ts";

export interface Read {
  readonly status: number;
  readonly version: number;
  readonly isHit: boolean;
  readonly cacheStatus: string;
}

export async function readVersion(url: string): Promise<Read> {
  const answer = await fetch(url);
  const cacheStatus = answer.headers.get("cache-status") ?? "";
  const { version } = (await answer.json()) as { readonly version: number };
  return { status: answer.status, version, isHit: /; ?hit/.test(cacheStatus), cacheStatus };
}

export interface ReceiptSeen {
  readonly region: string;
  readonly state: "applied" | "fenced" | "pending";
  readonly seq: number;
}

export interface PublishedSeen {
  readonly status: number;
  readonly id: string;
  readonly seq: number;
  readonly regions: readonly ReceiptSeen[];
  readonly code?: string;
}

export async function invalidate(
  mesh: LocalMesh,
  what: object,
  { at = mesh.edges[0]?.url ?? "", query = "ack=everywhere" } = {},
): Promise<PublishedSeen> {
  const answer = await fetch(`${at}/_mesh/v1/invalidations?${query}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${await mesh.adminToken()}`, "Content-Type": "application/json" },
    body: JSON.stringify(what),
  });
  return { status: answer.status, ...((await answer.json()) as Omit<PublishedSeen, "status">) };
}

export async function receiptsOf(mesh: LocalMesh, id: string): Promise<readonly ReceiptSeen[]> {
  const answer = await fetch(`${mesh.edges[0]?.url ?? ""}/_mesh/v1/events/${id}`, {
    headers: { Authorization: `Bearer ${await mesh.adminToken()}` },
  });
  return ((await answer.json()) as { readonly regions?: readonly ReceiptSeen[] }).regions ?? [];
}
