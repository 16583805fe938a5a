/** What the objects of the libraries are told: there is no configuration file to say it. */
import type { LogSettings } from "../durable-objects/log/contract.ts";
import { regionNames } from "../durable-objects/names.ts";
import type { RegionSettings } from "../durable-objects/region/contract.ts";
import { environment } from "./environment.ts";

const regionLeaseMs = 10_000;
/** No token may live longer than 31 days; what revokes it is kept for two days more, for Regions that come late. */
const retentionMs = 33 * 86_400_000;

export const logSettings: LogSettings = {
  environment,
  regions: regionNames,
  regionLeaseMs,
  retentionMs,
  broadcast: "push",
};

export const regionSettings: RegionSettings = { environment, regionLeaseMs, viewLeaseMs: 1_000, viewEvents: 1_000 };
