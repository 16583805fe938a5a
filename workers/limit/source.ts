/** From where a request comes, as budgets and the login guard count it. */
import { networkOf, type PrefixLengths } from "./network.ts";

/** Workers of other zones all call from here: without its zone any Worker could use up another's budget. */
const workersAddress = "2a06:98c0:3600::103";

/**
 * The address's network; of a Worker of another zone that zone, as the platform names it in `CF-Worker`. Who says so
 * from elsewhere is not believed. All without an address are `unknown`: nothing tells them apart.
 */
export function sourceOf(address: string | null, zone: () => string | undefined, prefix: PrefixLengths): string {
  if (address === null) return "unknown";
  const named = address === workersAddress ? zone() : undefined;
  return named === undefined ? networkOf(address, prefix) : `worker:${named}`;
}
