/** When an answer that goes on is ended: by what is found of its credential, and when nothing can be found. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveCourse, type Found } from "../../workers/gate/live-course.ts";
import { LiveWatch } from "../../workers/gate/live-watch.ts";
import { liveKindOf } from "../../workers/gate/live.ts";
import type { Identity, Verdict } from "../../workers/token/identity.ts";
import { refusalOf } from "../../workers/token/refusals.ts";

const startedAt = 1_800_000_000_000;
const expiresAt = startedAt + 900_000;
const everyMs = 1_000;

const accepted: Verdict = { kind: "accepted", identity: { subject: "ada" } as Identity };
const found = (verdict: Verdict, isAllowed = true): Found => ({ verdict, isAllowed });
const good = found(accepted);
const revoked = found(refusalOf("revoked"));
const expired = found(refusalOf("expired"));
const unproved = found(refusalOf("view_not_current"));
const goOn = { kind: "go_on", isWarned: false };

function courseOf(terms: { readonly endsWithCredential?: boolean; readonly expiresAt?: number } = {}): LiveCourse {
  return new LiveCourse({ endsWithCredential: true, expiresAt, ...terms }, startedAt);
}

describe("T3 what goes on", () => {
  test.each([
    ["without an end of its own", true],
    ["with one", false],
  ])("%s goes on while its credential is good, and ends when that is revoked", (_what, endsWithCredential) => {
    const course = courseOf({ endsWithCredential });
    expect(course.take(good, startedAt + 1_000)).toEqual(goOn);
    expect(course.take(revoked, startedAt + 2_000)).toEqual({ kind: "over", code: "token_revoked" });
  });

  test.each(["key_unknown", "signature_wrong"] as const)("ends when its key is gone: %s", (reason) => {
    expect(courseOf().take(found(refusalOf(reason)), startedAt + 1)).toEqual({ kind: "over", code: "token_revoked" });
  });

  test("ends when its credential opens its route no more", () => {
    expect(courseOf().take(found(accepted, false), startedAt + 1)).toEqual({ kind: "over", code: "forbidden" });
  });

  test("ends with its credential, and is told once, half a minute before", () => {
    const course = courseOf();
    expect(course.take(good, expiresAt - 30_001)).toEqual(goOn);
    expect(course.take(good, expiresAt - 29_500)).toEqual({ kind: "go_on", isWarned: true });
    expect(course.take(good, expiresAt - 28_500)).toEqual(goOn);
    expect(course.take(expired, expiresAt)).toEqual({ kind: "over", code: "token_expired" });
    const key = found({ kind: "refused", code: "token_invalid" });
    expect(courseOf().take(key, expiresAt)).toEqual({ kind: "over", code: "token_expired" });
  });

  test("with an end of its own outlives its token, which is still held against revocations", () => {
    const course = courseOf({ endsWithCredential: false });
    expect(course.judgedAt(startedAt)).toBe(startedAt);
    expect(course.judgedAt(expiresAt + 60_000)).toBe(expiresAt - 1);
    expect(course.take(good, expiresAt + 60_000)).toEqual(goOn);
    expect(course.take(revoked, expiresAt + 61_000)).toEqual({ kind: "over", code: "token_revoked" });
  });

  test("with an end of its own is let go when its API key has run out", () => {
    const course = courseOf({ endsWithCredential: false });
    expect(course.take(found({ kind: "refused", code: "token_invalid" }), expiresAt)).toEqual({ kind: "let_go" });
  });
});

test("T6 nothing goes on for ten seconds without a proof, whatever was found before and however often was looked", () => {
  const looks = fc.array(fc.tuple(fc.constantFrom(good, unproved, null), fc.integer({ min: -3_000, max: 6_000 })));
  fc.assert(
    fc.property(looks, (history) => {
      const course = courseOf({ expiresAt: Infinity });
      let now = startedAt;
      let provedAt = startedAt;
      for (const [what, ms] of history) {
        now += ms;
        provedAt = Math.min(provedAt, now);
        if (what === good) provedAt = now;
        const isOver = now - provedAt >= 10_000;
        expect(course.take(what, now)).toEqual(isOver ? { kind: "over", code: "not_current" } : goOn);
        if (isOver) return;
        expect(course.patienceMs(now)).toBe(Math.max(1_000, 10_000 - (now - provedAt)));
      }
    }),
  );
});

describe("the watch", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: startedAt });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function watchOf(look: (judgedAt: number) => Found | Promise<Found>, course = courseOf()) {
    const failures: unknown[] = [];
    const looks: number[] = [];
    const watch = new LiveWatch({
      course,
      everyMs,
      look(judgedAt) {
        looks.push(judgedAt - startedAt);
        return look(judgedAt);
      },
      failed: (error) => failures.push(error),
    });
    const codes: string[] = [];
    void watch.over.then(({ code }) => codes.push(code));
    return { watch, codes, looks, failures };
  }

  test("looks once in each interval, and no more once it is over", async () => {
    let what: Found | Promise<Found> = good;
    const { codes, looks } = watchOf(() => what);
    await vi.advanceTimersByTimeAsync(3_500);
    expect(looks).toEqual([1_000, 2_000, 3_000]);
    expect(codes).toEqual([]);
    what = Promise.resolve(revoked);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(looks).toEqual([1_000, 2_000, 3_000, 4_000]);
    expect(codes).toEqual(["token_revoked"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves nothing behind what has ended, and ends nothing then", async () => {
    const late = Promise.withResolvers<Found>();
    const { watch, codes, looks } = watchOf(() => late.promise);
    await vi.advanceTimersByTimeAsync(1_000);
    watch.ended();
    late.resolve(revoked);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(looks).toEqual([1_000]);
    expect(codes).toEqual([]);
    const { watch: short } = watchOf(() => good);
    short.ended();
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each<readonly [string, () => Found | Promise<Found>, failures: boolean]>([
    ["never answer", () => new Promise(() => undefined), false],
    ["prove nothing", () => unproved, false],
    ["reject", () => Promise.reject(new Error("no")), true],
    [
      "throw",
      () => {
        throw new Error("no");
      },
      true,
    ],
  ])("T6 ends what it watches ten seconds after the last proof when looks %s", async (_how, look, hasFailures) => {
    const { codes, failures } = watchOf(look);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(codes).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(codes).toEqual(["not_current"]);
    expect(failures.length > 0).toBe(hasFailures);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("tells once that the end is near", async () => {
    const { watch, codes } = watchOf(
      (judgedAt) => (judgedAt < startedAt + 60_000 ? good : expired),
      courseOf({ expiresAt: startedAt + 60_000 }),
    );
    const warned: number[] = [];
    watch.onWarning(() => warned.push(Date.now() - startedAt));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(warned).toEqual([30_000]);
    expect(codes).toEqual(["token_expired"]);
  });
});

describe("an answer is watched", () => {
  const answer = (headers: Record<string, string>, hasBody = true) => ({
    webSocket: null,
    body: hasBody ? new ReadableStream() : null,
    headers: new Headers(headers),
  });
  test.each([
    ["not when it is short", answer({ "content-length": "1048576" }), null],
    ["not when it has no body", answer({}, false), null],
    ["when it is long", answer({ "content-length": "1048577" }), "bytes"],
    ["when nobody says how long it is", answer({ "content-type": "application/json" }), "bytes"],
    ["as a stream of events", answer({ "content-type": "Text/Event-Stream ; charset=utf-8" }), "events"],
    ["as bytes when it only looks like events", answer({ "content-type": "text/event-streams" }), "bytes"],
    [
      "as events that the gate cannot read",
      answer({ "content-type": "text/event-stream", "content-encoding": "gzip" }),
      "sealed_events",
    ],
    [
      "as events that the gate must not add to",
      answer({ "content-type": "text/event-stream", "content-length": "2000000" }),
      "sealed_events",
    ],
    ["as a socket", { ...answer({}, false), webSocket: {} as WebSocket }, "socket"],
  ])("%s", (_what, given, kind) => {
    expect(liveKindOf(given as Parameters<typeof liveKindOf>[0])).toBe(kind);
  });
});
