/** T3 in a Region that comes late: what the Log still tells it, and what stays when it is told less. */
import { describe, expect, test } from "vitest";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { append, entries, makeLog, makeRegion, renew, start } from "../support/log-parts.ts";
import { MemoryRegionLedger } from "../support/memory-ledgers.ts";

const day = 86_400_000;
const names: TokenNames = { issuer: "i", subject: "ada", jti: "j", kid: "k", issuedFrom: start };

function revocation(id: string, target: object, more: Partial<NewEvent> = {}): NewEvent {
  return { id, type: "revocation", data: { ...target, endsAt: start + 30 * day, by: "test", since: start }, ...more };
}

function lift(of: string, more: Partial<NewEvent> = {}): NewEvent {
  return { id: `lift-${of}`, type: "revocation_lifted", data: { id: of }, ...more };
}

describe("a Region that comes late", () => {
  test("learns of every revocation that the Log keeps, page by page", () => {
    const { log } = makeLog();
    log.append(entries(revocation("r", { jti: "j" })), start);
    append(log, 1_500);
    const { region } = makeRegion();
    expect(renew(log, region, "weur", start)).toBe("granted");
    expect(region.revocations.match(names)?.id).toBe("r");
  });

  test("learns of a revocation without an end long after the Log has forgotten its time, and of its lifting", () => {
    const { log } = makeLog();
    const retain = "revocation/r";
    log.append(entries(revocation("r", { kid: "k" }, { retain })), start);
    append(log, 10, start);
    const later = start + 20 * day;
    append(log, 10, later);
    expect(log.trim(later)).toBe("done");
    const late = makeRegion(undefined, later).region;
    renew(log, late, "weur", later);
    expect(late.revocations.match(names)?.id).toBe("r");

    log.append(entries(lift("r", { retain })), later);
    append(log, 10, later + 20 * day);
    log.trim(later + 20 * day);
    const later2 = makeRegion(undefined, later + 20 * day).region;
    renew(log, later2, "enam", later + 20 * day);
    expect(later2.revocations.match(names)).toBeNull();
  });

  test("keeps what it knows when the Log begins anew, and hears from the new one what is lifted", () => {
    const ledger = new MemoryRegionLedger();
    const { log } = makeLog();
    const { region } = makeRegion(ledger);
    log.append(entries(revocation("r", { jti: "j" })), start);
    renew(log, region, "weur", start);
    const { log: anew } = makeLog({}, undefined, start, "e2");
    renew(anew, region, "weur", start);
    expect(region.epoch).toBe("e2");
    expect(region.revocations.match(names)?.id).toBe("r");
    anew.append(entries(lift("r")), start);
    renew(anew, region, "weur", start);
    expect(region.revocations.match(names)).toBeNull();
  });

  test("proves nothing without a lease, nor to an isolate that is ahead of it", () => {
    const { log } = makeLog();
    const { region } = makeRegion();
    expect(region.provedThrough(null, start)).toBeNull();
    append(log, 2);
    renew(log, region, "weur", start);
    expect(region.provedThrough({ epoch: "e1", seq: 2 }, start)).toEqual({ epoch: "e1", seq: 2 });
    expect(region.provedThrough({ epoch: "e1", seq: 3 }, start)).toBeNull();
    expect(region.provedThrough({ epoch: "e1", seq: 2 }, start + 10_000)).toBeNull();
  });
});
