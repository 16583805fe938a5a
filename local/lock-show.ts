/** The tour's show of a lock: two holders at two edges; the second is refused, then waits in line for the first one's end. */
import type { LocalMesh } from "./mesh.ts";
import { type Show, urlAt } from "./show.ts";
import type { ShownRequest } from "./shown-request.ts";

/** Whoever pastes one line after the other finds the first one's hold at the second. */
const ttlMs = 15_000;

export function lockShow(mesh: LocalMesh, start: string): Show {
  const lock = `/_mesh/v1/locks/stock-take-${start}`;
  const acquire = (edge: number, json: object): ShownRequest => ({
    method: "POST",
    url: `${urlAt(mesh, edge)}${lock}/acquire`,
    json,
    bearer: "TOKEN",
  });
  const end: ShownRequest = { method: "DELETE", url: `${urlAt(mesh, 0)}${lock}`, bearer: "TOKEN" };
  return {
    title: "one holder at a time, each with a greater fencing token",
    requests: [
      acquire(0, { holder: "node-a", ttlMs }),
      acquire(1, { holder: "node-b", ttlMs }),
      acquire(2, { holder: "node-b", ttlMs: 1_000, waitMs: 30_000 }),
    ],
    meanwhile: end,
    after: [end],
    note: "pasted, it waits for node-a's end, which came early here; ttlMs counts from the request, so it has the wait in it",
  };
}
