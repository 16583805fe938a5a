/** A Log and a Region without the platform, as the rules' tests use them. */
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import { LogCore, type LogRules } from "../../durable-objects/log/log-core.ts";
import { checkSubmission, type Entry } from "../../durable-objects/log/submission.ts";
import { RegionCore, type Renewal } from "../../durable-objects/region/region-core.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import { MemoryLogLedger, MemoryRegionLedger } from "./memory-ledgers.ts";

export const start = 1_700_000_000_000;
const dayMs = 86_400_000;

export function makeLog(rules: Partial<LogRules> = {}, ledger = new MemoryLogLedger(), now = start, epoch = "e1") {
  const defaults: LogRules = { regions: ["weur", "enam"], regionLeaseMs: 10_000, retentionMs: 7 * dayMs };
  return { ledger, log: new LogCore(ledger, { ...defaults, ...rules }, now, epoch) };
}

export function makeRegion(ledger = new MemoryRegionLedger(), now = start, viewEvents = 1_000) {
  return { ledger, region: new RegionCore(ledger, { viewLeaseMs: 1_000, viewEvents }, now) };
}

export function entries(...events: readonly (Partial<NewEvent> & { readonly id: string })[]): readonly Entry[] {
  const whole = events.map((event) => ({ type: "note", data: null, ...event }));
  const checked = checkSubmission({ v: 1, events: whole, ack: "none", timeoutMs: 0 });
  if (checked.kind === "malformed") throw new Error(checked.detail);
  return checked.entries;
}

/** Events with ids `PREFIX-1` to `PREFIX-COUNT`. */
export function append(log: LogCore, count: number, now = start, prefix = `n${log.head}`): void {
  for (let index = 1; index <= count; index += 1) log.append(entries({ id: `${prefix}-${index}` }), now);
}

/** Renews until there is a lease, without any delay. */
export function renew(log: LogCore, region: RegionCore, name: RegionName, now: number): Renewal {
  for (let turn = 0; turn < 50; turn += 1) {
    const request = region.renewRequest(name, now);
    const taken = region.takeRenewal(request, now, log.renew(request, now, "e2"), now);
    if (taken !== "behind") return taken;
  }
  return "behind";
}
