/**
 * Whose fresh budgets are counted together: the network of the asker's address, where a budget is made of what anybody
 * may choose. An IPv6 /48 is what one customer has, an IPv4 /24 the least that is routed.
 */
import type { Limit } from "../config/mesh.ts";
import type { Asker } from "./budget.ts";
import { networkOf } from "./network.ts";

const prefix = { ipv4: 24, ipv6: 48 } as const;
/** What a stranger cannot make up: it comes from a verified token, or from the configuration. */
const vouchedFor: ReadonlySet<string> = new Set(["subject", "tenant", "client", "claim", "route"]);

/** null where the budget is vouched for. */
export function neighbourhoodOf(
  { by }: Limit,
  { address, identity }: Pick<Asker, "address" | "identity">,
): string | null {
  const isVouchedFor = by.every(({ kind }) => kind === "route" || (identity !== null && vouchedFor.has(kind)));
  if (isVouchedFor) return null;
  return address === null ? "unknown" : networkOf(address, prefix);
}
