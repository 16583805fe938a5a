/** What stands behind a mesh that is started to be tried: an API of the user's, or the demo, or what a configuration names. */
import { join } from "node:path";
import type { Mesh } from "../workers/config/mesh.ts";
import { isExample } from "./demo/example-hosts.ts";
import { type Demo, startDemo, startStandIn } from "./demo/start-demo.ts";
import type { StartOptions } from "./start-options.ts";

export type Behind =
  | { readonly kind: "origin"; readonly url: string }
  /** `inventory` is null where another configuration than this project's is tried. */
  | { readonly kind: "local"; readonly inventory: Demo | null; readonly standIn: Demo };

/** The same, once it is known what the configuration names. */
export interface Standing {
  readonly kind: "demo" | "origin" | "configured";
  /** What the mesh stands in front of; null when the configuration says it. */
  readonly origin: string | null;
  readonly standIn: { readonly url: string; readonly services: readonly string[] } | null;
}

export async function openBehind({ origin, config, state }: StartOptions): Promise<Behind> {
  if (origin !== null) return { kind: "origin", url: origin };
  const inventory = config === null ? await startDemo(join(state, "demo")) : null;
  return { kind: "local", inventory, standIn: await startStandIn() };
}

export function closeBehind(behind: Behind): void {
  if (behind.kind === "origin") return;
  behind.inventory?.stop();
  behind.standIn.stop();
}

/** By the names of services. Nobody answers for an example: something of this machine stands in for it. */
export function originsFor(behind: Behind, { services }: Mesh): Readonly<Record<string, string>> {
  if (behind.kind === "origin") return { "*": behind.url };
  const { inventory, standIn } = behind;
  const examples = [...services.values()].filter(isExample);
  return Object.fromEntries(
    examples.map(({ name }) => [name, name === "inventory" && inventory !== null ? inventory.url : standIn.url]),
  );
}

export function standingBehind(behind: Behind, mesh: Mesh): Standing {
  if (behind.kind === "origin") return { kind: "origin", origin: behind.url, standIn: null };
  const { url } = behind.standIn;
  const origins = Object.entries(originsFor(behind, mesh));
  const services = origins.flatMap(([name, origin]) => (origin === url ? [name] : []));
  const isDemo = origins.length > services.length;
  return {
    kind: isDemo ? "demo" : "configured",
    origin: isDemo ? (behind.inventory?.url ?? null) : null,
    standIn: services.length === 0 ? null : { url, services },
  };
}
