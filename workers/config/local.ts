/**
 * What only the mesh on one machine has: a binding `MESH_LOCAL`, set by `local/` and by nothing else. Deployed it is
 * absent, and everything here is off.
 */
import { isRegionName, type RegionName } from "../../durable-objects/names.ts";

export interface Local {
  /** Where this isolate pretends to be. */
  readonly region: RegionName;
  /** Service name to an origin on this machine, in place of the configured ones; "*" for every service. */
  readonly origins: Readonly<Record<string, string>>;
  /** `shadow`: no limit refuses anything, as `--origin` without `--enforce` wants it. */
  readonly limits: "as_configured" | "shadow";
  /** `--like-production`: the platform's caps hold here too (no IP literals, ...). */
  readonly likeProduction: boolean;
}

export function readLocal(text: string | undefined): Local | null {
  if (text === undefined) return null;
  const value = JSON.parse(text) as Partial<Local>;
  if (typeof value.region !== "string" || !isRegionName(value.region)) {
    throw new Error(
      `cannot read MESH_LOCAL: its region must be one of the platform's: received ${String(value.region)}`,
    );
  }
  return {
    region: value.region,
    origins: value.origins ?? {},
    limits: value.limits ?? "as_configured",
    likeProduction: value.likeProduction ?? false,
  };
}
