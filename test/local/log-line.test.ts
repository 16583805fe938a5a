import { describe, expect, it } from "vitest";
import { HeldLines } from "../../local/held-lines.ts";
import { logLine } from "../../local/log-line.ts";

const warning = {
  level: "warn",
  message: "{\n  event: 'upstream_failed',\n  requestId: '6a25',\n  reason: 'Network connection lost.'\n}",
};

describe("a line of the log", () => {
  it("begins with how bad it is, then the event's name, then the rest of it", () => {
    expect(logLine({ level: "log", message: "{ event: 'limit_would_refuse', limit: 'few' }" }, "everything")).toBe(
      "event limit_would_refuse  limit: 'few'",
    );
    expect(logLine({ level: "info", message: "{ event: 'woken' }" }, "everything")).toBe("event woken");
  });

  it("is one line, however many the entry has", () => {
    expect(logLine(warning, "everything")).toBe(
      "warning upstream_failed  requestId: '6a25', reason: 'Network connection lost.'",
    );
    expect(logLine({ level: "error", message: "Error: broken\n    at a (b:1)\n" }, "everything")).toBe(
      "error Error: broken at a (b:1)",
    );
  });

  it("is left out where it is only for debugging, or says nothing", () => {
    expect(logLine({ level: "debug", message: "looked" }, "everything")).toBeNull();
    expect(logLine({ level: "log", message: " \n" }, "everything")).toBeNull();
  });

  it("is shown by a quiet mesh only for an error", () => {
    expect(logLine(warning, "errors")).toBeNull();
    expect(logLine({ ...warning, level: "error" }, "errors")).toMatch(/^error upstream_failed/);
  });
});

describe("held lines", () => {
  it("are shown in their order when they are released, and later ones at once", () => {
    const shown: string[] = [];
    const lines = new HeldLines((line) => shown.push(line));
    lines.say("one");
    lines.say("two");
    expect(shown).toEqual([]);
    lines.release();
    lines.say("three");
    lines.release();
    expect(shown).toEqual(["one", "two", "three"]);
  });
});
