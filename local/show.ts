/** What the tour is made of: rows of requests, each with a title. */
import type { LocalMesh } from "./mesh.ts";
import type { ShownRequest } from "./shown-request.ts";

export interface Show {
  readonly title: string;
  readonly requests: readonly ShownRequest[];
  /** The same requests as they are printed, where what was performed has used something up. */
  readonly printed?: readonly ShownRequest[];
  /** Performed before, and not shown: so that it begins as it will when it is pasted. */
  readonly before?: readonly ShownRequest[];
  /** Performed after, and not shown: what it leaves behind is cleared. */
  readonly after?: readonly ShownRequest[];
}

/** A show, or why there is none of its kind here. */
export type Found = { readonly kind: "show"; readonly show: Show } | { readonly kind: "none"; readonly why: string };

/** With fewer edges the same one is asked again. */
export function urlAt(mesh: LocalMesh, index: number): string {
  return mesh.edges[index % mesh.edges.length]?.url ?? "";
}
