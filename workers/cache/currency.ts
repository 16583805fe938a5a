/** What the cache asks of the isolate's view: is what was filled at a cursor still true? */
import type { Cursor } from "../../durable-objects/log/contract.ts";

/** What a kept answer shows to be judged. The cursor is the view's from before its fill began. */
export interface Marked {
  readonly epoch: string;
  readonly seq: number;
  readonly host: string;
  /** Canonical path with its query. */
  readonly path: string;
  readonly tags: readonly string[];
  /** The view's memo: no event up to here speaks of this entry. */
  checkedThrough: number;
}

/** `purged`: as if it had never been kept. `stale`: to be used only after the upstream has confirmed it. */
export type MarkedVerdict = "valid" | "stale" | "purged";

export interface CurrentView {
  /** Under a live lease. */
  isCurrent(now: number): boolean;
  /** Gets a lease when there is none; false when no region can prove that this view is current. */
  current(context: ExecutionContext, now: number): true | Promise<boolean>;
  readonly cursor: Cursor | null;
  verdictOn(entry: Marked): MarkedVerdict;
}
