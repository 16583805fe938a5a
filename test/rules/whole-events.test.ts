/** An event stream is cut between events only: what a client sees is whole, whatever is said to it in between. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WholeEvents } from "../../workers/gate/whole-events.ts";
import { eventsIn } from "../support/event-source.ts";
import { isLongRun } from "../support/long-run.ts";

const numRuns = isLongRun ? 20_000 : 1_000;
const notice = 'event: mesh\ndata: {"code":"token_revoked"}\n\n';

/** Streams as they come: a list of pieces, cut wherever the network likes. */
const part = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n") },
  { weight: 3, arbitrary: fc.constantFrom("data: a", "data:b", "data", "id: 7", "id", "event: e", "retry: 5", "odd") },
  { weight: 1, arbitrary: fc.constantFrom(":", ": c", ":c\n", "d", " ", "\xEF\xBB\xBF") },
);
const pieces = fc
  .tuple(fc.array(part, { maxLength: 30 }), fc.array(fc.nat(8), { maxLength: 40 }))
  .map(([parts, lengths]) => cut(parts.join(""), lengths));

function cut(text: string, lengths: readonly number[]): readonly string[] {
  const cuts: string[] = [];
  let at = 0;
  for (const length of lengths) {
    cuts.push(text.slice(at, at + length));
    at += length;
  }
  return [...cuts, text.slice(at)];
}

interface Passing {
  take(piece: Uint8Array): Uint8Array;
  rest(): Uint8Array;
  readonly isBetween: boolean;
}

/** One byte a character, so that pieces may be cut anywhere. */
const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array) => String.fromCharCode(...bytes);

/** After each piece: whoever is told something now sees what was whole by then, and what it is told. */
function isCutCleanly(stream: readonly string[], events: Passing, told: string): void {
  let sent = "";
  let passed = "";
  for (const piece of stream) {
    sent += piece;
    passed += textOf(events.take(bytesOf(piece)));
    expect(events.isBetween).toBe(true);
    const whole = eventsIn(sent);
    expect(eventsIn(passed)).toEqual(whole);
    const seen = eventsIn(passed + told);
    expect(seen.slice(0, -1)).toEqual(whole);
    expect(seen.at(-1)).toMatchObject({ type: "mesh", data: '{"code":"token_revoked"}' });
    const ids = [...passed.matchAll(/(?:^|[\r\n])id(?:: ?(.*))?(?=[\r\n])/g)].map(([, id = ""]) => id);
    expect(seen.at(-1)?.lastEventId).toBe(ids.at(-1) ?? "");
  }
  expect(passed + textOf(events.rest())).toBe(sent);
}

describe("an event stream that may be ended at any moment", () => {
  test("passes each event once it is whole, nothing of it before, and every byte in the end", () => {
    fc.assert(
      fc.property(pieces, (stream) => isCutCleanly(stream, new WholeEvents(), notice)),
      { numRuns },
    );
  });

  test("would not be cut cleanly by an empty line behind whatever has passed", () => {
    const naive = { take: (piece: Uint8Array) => piece, rest: () => new Uint8Array(0), isBetween: true };
    const found = fc.check(
      fc.property(pieces, (stream) => isCutCleanly(stream, naive, `\n\n${notice}`)),
      { numRuns },
    );
    expect(found.failed).toBe(true);
  });

  test("passes an event that is too long to hold as it comes, and is between events again at its end", () => {
    fc.assert(
      fc.property(pieces, (stream) => {
        const events = new WholeEvents(8);
        let sent = "";
        let passed = "";
        for (const piece of stream) {
          sent += piece;
          passed += textOf(events.take(bytesOf(piece)));
          expect(sent.startsWith(passed)).toBe(true);
          expect(sent.length - passed.length).toBeLessThanOrEqual(events.isBetween ? 8 + piece.length : 0);
          if (events.isBetween) expect(eventsIn(passed + notice)).toHaveLength(eventsIn(sent).length + 1);
        }
        expect(passed + textOf(events.rest())).toBe(sent);
      }),
      { numRuns },
    );
    const events = new WholeEvents(8);
    expect(textOf(events.take(bytesOf("data: 0123456789")))).toBe("data: 0123456789");
    expect(events.isBetween).toBe(false);
    expect(textOf(events.take(bytesOf("\n\n")))).toBe("\n\n");
    expect(events.isBetween).toBe(true);
  });

  test("passes a comment with its line: it keeps a connection alive", () => {
    const events = new WholeEvents();
    expect(textOf(events.take(bytesOf(": still here\n")))).toBe(": still here\n");
    expect(textOf(events.take(bytesOf("data: a\n: in between\n")))).toBe("");
    expect(textOf(events.take(bytesOf("\n")))).toBe("data: a\n: in between\n\n");
  });
});
