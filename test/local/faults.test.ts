import { describe, expect, it } from "vitest";
import { arm, strike } from "../../local/faults/rules.mjs";
import type { Call, Fault } from "../../local/faults/rule.ts";

const pushToApac: Call = { lane: "object", from: "m/log", className: "Region", name: "m/region/apac", method: "apply" };
const deliverToApac: Call = { ...pushToApac, lane: "queue", from: "queue" };
const renewalOfApac: Call = { lane: "object", from: "m/region/apac", className: "Log", name: "m/log", method: "renew" };
const viewFromApac: Call = { lane: "fetch", from: "apac", className: "Region", name: "m/region/apac", method: "view" };
const viewFromWeur: Call = { lane: "fetch", from: "weur", className: "Region", name: "m/region/weur", method: "view" };

const never = () => 1;
const kindsOf = (faults: readonly Fault[], call: Call) => strike(arm(faults), call, never).map(({ kind }) => kind);
const armed =
  (...faults: readonly unknown[]) =>
  () =>
    arm(faults);

describe("fault rules", () => {
  it("strike only calls that fit in lane, sender, target and method", () => {
    const rule = { lane: "object", from: "m/log", to: "Region", method: "apply", action: { kind: "error" } } as const;
    expect(kindsOf([rule], pushToApac)).toEqual(["error"]);
    for (const call of [deliverToApac, renewalOfApac, viewFromApac, { ...pushToApac, method: "status" }]) {
      expect(kindsOf([rule], call)).toEqual([]);
    }
  });

  it("a target is a class or a part of a name", () => {
    expect(kindsOf([{ to: "region/apac", action: { kind: "double" } }], pushToApac)).toEqual(["double"]);
    expect(kindsOf([{ to: "Reg", action: { kind: "double" } }], pushToApac)).toEqual([]);
  });

  it("cutting a region's pushes leaves its renewals and its edges alone", () => {
    const faults: Fault[] = [{ cut: "apac", what: "pushes" }];
    expect(kindsOf(faults, pushToApac)).toEqual(["lose_request"]);
    expect(kindsOf(faults, deliverToApac)).toEqual(["lose_request"]);
    expect(kindsOf(faults, renewalOfApac)).toEqual([]);
    expect(kindsOf(faults, viewFromApac)).toEqual([]);
  });

  it("cutting a region wholly leaves no call from it or to it, and no other call struck", () => {
    const faults: Fault[] = [{ cut: "apac", what: "wholly", action: { kind: "hang", ms: 5 } }];
    for (const call of [
      pushToApac,
      deliverToApac,
      renewalOfApac,
      viewFromApac,
      { ...viewFromApac, name: "m/region/weur" },
    ]) {
      expect(kindsOf(faults, call)).toContain("hang");
    }
    expect(kindsOf(faults, viewFromWeur)).toEqual([]);
  });

  it("strike as often as they say, and count their hits", () => {
    const rules = arm([{ id: "twice", to: "Region", times: 2, action: { kind: "lose_reply" } }]);
    const struck = [1, 2, 3].map(() => strike(rules, pushToApac, never).length);
    expect(struck).toEqual([1, 1, 0]);
    expect(rules.map(({ id, hits }) => ({ id, hits }))).toEqual([{ id: "twice", hits: 2 }]);
  });

  it("strike with their probability", () => {
    const rules = arm([{ probability: 0.3, action: { kind: "error" } }]);
    expect(strike(rules, pushToApac, () => 0.29)).toHaveLength(1);
    expect(strike(rules, pushToApac, () => 0.3)).toHaveLength(0);
  });

  it("a rule that would never strike is refused with what is wrong in it", () => {
    expect(armed({ too: "Region", action: { kind: "error" } })).toThrow("faults[0].too: expected one of");
    expect(armed({ lane: "gate", action: { kind: "error" } })).toThrow("faults[0].lane: expected one of");
    expect(armed({ action: { kind: "explode" } })).toThrow("faults[0].action.kind: expected one of");
    expect(armed({ action: { kind: "delay" } })).toThrow("faults[0].action.ms: expected a number");
    expect(armed({ to: "Region" })).toThrow("faults[0].action: expected an object");
    expect(armed({ cut: "apac", what: "half" })).toThrow("faults[0].what: expected one of");
    expect(() => arm({})).toThrow("expected a list");
  });
});
