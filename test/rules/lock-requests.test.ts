import { describe, expect, it } from "vitest";
import {
  checkAcquire,
  checkLeave,
  checkList,
  checkRelease,
  checkRenew,
} from "../../durable-objects/lock/checked-request.ts";
import type { AcquireRequest } from "../../durable-objects/lock/contract.ts";

const good: AcquireRequest = {
  v: 1,
  lock: "inventory",
  holder: "a",
  ttlMs: 1_000,
  waitMs: 0,
  atLeastMs: 0,
  requestId: "r",
};
const hold = { v: 1, lock: "inventory", holder: "a", token: 1 } as const;

describe("a message to a Lock that breaks a bound is a bug of its sender, and is thrown", () => {
  it.each<[Partial<AcquireRequest>, string]>([
    [{ lock: "" }, "cannot acquire: expected a lock of 1 to 128 characters: received 0"],
    [{ holder: "x".repeat(129) }, "cannot acquire: expected a holder of 1 to 128 characters: received 129"],
    [{ requestId: "" }, "cannot acquire: expected a requestId of 1 to 128 characters: received 0"],
    [{ ttlMs: 999 }, "cannot acquire: expected ttlMs from 1000 to 3600000: received 999"],
    [{ ttlMs: 3_600_001 }, "cannot acquire: expected ttlMs from 1000 to 3600000: received 3600001"],
    [{ ttlMs: Number.NaN }, "cannot acquire: expected ttlMs from 1000 to 3600000: received NaN"],
    [{ waitMs: 30_001 }, "cannot acquire: expected waitMs from 0 to 30000: received 30001"],
    [{ atLeastMs: 1_001 }, "cannot acquire: expected atLeastMs from 0 to 1000: received 1001"],
  ])("%j", (more, message) => {
    expect(() => checkAcquire({ ...good, ...more })).toThrow(message);
  });

  it("also the others", () => {
    expect(() => checkRenew({ ...hold, token: 1.5 })).toThrow("expected token");
    expect(() => checkRenew({ ...hold, ttlMs: 1 })).toThrow("expected ttlMs");
    expect(() => checkRelease({ ...hold, holder: "" })).toThrow("expected a holder");
    expect(() => checkLeave({ v: 1, lock: "inventory", requestId: "" })).toThrow("expected a requestId");
    expect(() => checkList({ v: 1, limit: 0 })).toThrow("expected limit");
    expect(() => checkList({ v: 2, limit: 1 })).toThrow("expected a message of version 1: received 2");
  });

  it("what is within bounds passes", () => {
    checkAcquire({ ...good, ttlMs: 3_600_000, waitMs: 30_000, atLeastMs: 3_600_000 });
    checkRenew(hold);
    checkRelease(hold);
  });
});
