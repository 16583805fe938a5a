/** What is known of a request before it has a route. */
import type { Correlation } from "./correlate.ts";
import type { Fields } from "./fields.ts";
import type { Target } from "./target.ts";

export interface Arrival {
  readonly fields: Fields;
  readonly correlation: Correlation;
  readonly target: Extract<Target, { readonly kind: "target" }>;
}
