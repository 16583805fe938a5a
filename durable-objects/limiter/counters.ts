/** Which counter counts by which algorithm, fresh or as it was written. */
import type { Algorithm } from "./contract.ts";
import type { Counter } from "./counter.ts";
import { FixedWindow, restoreFixedWindow } from "./fixed-window.ts";
import { freshSlidingWindow, restoreSlidingWindow } from "./sliding-window.ts";
import { freshTokenBucket, restoreTokenBucket } from "./token-bucket.ts";

/** Permits are held, not counted: they have a core of their own. */
export type Counting = Exclude<Algorithm, "concurrency">;

export function freshCounter(algorithm: Counting): Counter {
  switch (algorithm) {
    case "fixed-window":
      return new FixedWindow();
    case "sliding-window":
      return freshSlidingWindow();
    case "token-bucket":
      return freshTokenBucket();
  }
}

/** null when it was written by a version that is not known here. */
export function restoreCounter(algorithm: Counting, image: string): Counter | null {
  switch (algorithm) {
    case "fixed-window":
      return restoreFixedWindow(image);
    case "sliding-window":
      return restoreSlidingWindow(image);
    case "token-bucket":
      return restoreTokenBucket(image);
  }
}
