/** What an invalidation can hit: something that was kept, with the number that was read before it was made. */
export interface Marked {
  readonly epoch: string;
  /** The newest event this isolate knew of before the fill began: a later event may have changed what was read. */
  readonly seq: number;
  /** Lower case, without a port. */
  readonly host: string;
  /** Canonical, with the query. */
  readonly path: string;
  readonly tags: readonly string[];
  /** Events up to here were compared and did not hit. Begins at `seq`; only the view moves it. */
  checkedThrough: number;
}

/** `stale`: may be used again once the origin confirms it. `purged`: may not be used again. */
export type EntryVerdict = "valid" | "stale" | "purged";
