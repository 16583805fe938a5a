/** What is kept of a body that the client reads at the same time. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { collect } from "../../workers/cache/collect.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const bounds = { maxBytes: 10, announcedBytes: null, patienceMs: 30_000 };

/** A stream that gives these pieces, then ends, breaks or stalls. */
function streamOf(pieces: readonly string[], then: "ends" | "breaks" | "stalls") {
  const cancelled = vi.fn<() => void>();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      if (then === "ends") controller.close();
      if (then === "breaks") controller.error(new Error("broken off"));
    },
    cancel: cancelled,
  });
  return { stream, cancelled };
}

describe("a body", () => {
  it("is kept whole", async () => {
    const { stream } = streamOf(["abc", "def"], "ends");
    expect(new TextDecoder().decode((await collect(stream, { ...bounds, announcedBytes: 6 })) ?? undefined)).toBe(
      "abcdef",
    );
  });

  it.each([
    ["shorter than announced", streamOf(["abc"], "ends"), 6],
    ["longer than announced", streamOf(["abcdef"], "ends"), 3],
    ["broken off", streamOf([], "breaks"), null],
  ])("that is %s is not kept", async (_what, { stream }, announcedBytes) => {
    expect(await collect(stream, { ...bounds, announcedBytes })).toBeNull();
  });

  it("that is too large is let go at once", async () => {
    const { stream, cancelled } = streamOf(["12345", "678901"], "stalls");
    expect(await collect(stream, bounds)).toBeNull();
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  it("that stalls is let go when its time is over: its upstream is not held for a client who has gone", async () => {
    const { stream, cancelled } = streamOf(["abc"], "stalls");
    const kept = collect(stream, bounds);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(cancelled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await kept).toBeNull();
    expect(cancelled).toHaveBeenCalledTimes(1);
  });
});
