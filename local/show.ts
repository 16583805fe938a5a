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
  /** Performed while the last request waits, and not shown: what it waits for comes sooner than when it is pasted. */
  readonly meanwhile?: ShownRequest;
  /** Performed after, and not shown: what it leaves behind is cleared. */
  readonly after?: readonly ShownRequest[];
  /** Said below the last answer, of what does not explain itself. */
  readonly note?: string;
}

/** A show, or why there is none of its kind here. */
export type Found = { readonly kind: "show"; readonly show: Show } | { readonly kind: "none"; readonly why: string };

/** With fewer edges the same one is asked again. */
export function urlAt(mesh: LocalMesh, index: number): string {
  return mesh.edges[index % mesh.edges.length]?.url ?? "";
}
