import { describe, expect, test } from "vitest";
import { Correlator, readTraceparent } from "../../workers/gate/correlate.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const parent = "b7ad6b7169203331";

function correlator(): Correlator {
  return new Correlator((bytes) => bytes.forEach((_, index) => (bytes[index] = index + 1)));
}

describe("correlation", () => {
  test("every request of an isolate has its own id, of one random part and a count", () => {
    const one = correlator();
    const ids = Array.from({ length: 1_000 }, () => one.next(null).requestId);
    expect(new Set(ids).size).toBe(1_000);
    expect(ids.every((id) => /^0102030405060708090a0b0c[0-9a-f]{8}$/.test(id))).toBe(true);
  });

  test("a valid traceparent goes on: the same trace, another parent, the same flags", () => {
    const next = correlator().next(`00-${trace}-${parent}-00`);
    expect(next.isContinued).toBe(true);
    expect(next.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`));
    expect(next.traceparent).not.toContain(parent);
  });

  test("without one a trace begins, under the id of the request", () => {
    const next = correlator().next(null);
    expect(next.isContinued).toBe(false);
    expect(next.traceparent).toMatch(new RegExp(`^00-${next.requestId}-[0-9a-f]{16}-01$`));
    expect(readTraceparent(next.traceparent)).not.toBeNull();
  });

  test("a later version is read as far as it is known", () => {
    expect(readTraceparent(`cc-${trace}-${parent}-03-what-the-future-brings`)).toEqual({ trace, flags: "01" });
    expect(readTraceparent(`cc-${trace}-${parent}-02`)).toEqual({ trace, flags: "00" });
  });

  test.each([
    "",
    `00-${trace}-${parent}`,
    `00-${trace}-${parent}-01-more`,
    `ff-${trace}-${parent}-01`,
    `00-${"0".repeat(32)}-${parent}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${parent}-01`,
    `00-${trace.slice(1)}-${parent}-01`,
    `00-${trace}-${parent}-1`,
    `cc-${trace}-${parent}-01more`,
    `00-${trace}-${parent}-01, 00-${trace}-${parent}-01`,
  ])("an invalid traceparent is dropped: %j", (text) => {
    expect(readTraceparent(text)).toBeNull();
    expect(correlator().next(text).traceparent).not.toContain(trace);
  });
});
