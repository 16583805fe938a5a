/** Fields that several resources share, with their messages: what was expected, never what was received whole. */
import * as v from "valibot";

const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Names of locks, limits, holders' locks and the like. */
export const name = v.pipe(v.string("expected a text"), v.regex(namePattern, "expected [a-z0-9][a-z0-9._-]{0,63}"));

export function wholeNumber(least: number, most: number) {
  const expected = `expected a whole number from ${least} to ${most}`;
  return v.pipe(v.number(expected), v.safeInteger(expected), v.minValue(least, expected), v.maxValue(most, expected));
}

/** The same for a query parameter, which is text. */
export function wholeNumberText(least: number, most: number) {
  const expected = `expected a whole number from ${least} to ${most}`;
  return v.pipe(
    v.string(expected),
    v.regex(/^\d{1,15}$/, expected),
    v.transform(Number),
    v.minValue(least, expected),
    v.maxValue(most, expected),
  );
}

/**
 * Printable, bounded in UTF-8 bytes: no control characters, C1 among them, and no half of a surrogate pair, which as
 * UTF-8 would be the same bytes as any other half.
 */
export function text(least: number, mostBytes: number) {
  const expected = `expected a text of ${least} to ${mostBytes} bytes without control characters`;
  return v.pipe(
    v.string(expected),
    v.minLength(least, expected),
    v.maxBytes(mostBytes, expected),
    v.regex(/^[^\p{Cc}\p{Cs}]*$/u, expected),
  );
}

/** RFC 3339, in UTC. */
const instantForm = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,3})?Z$/;
const instantExpected = "expected an instant in UTC, such as 2030-01-31T12:00:00Z";

/** In ms since 1970. */
export const instant = v.pipe(
  v.string(instantExpected),
  v.regex(instantForm, instantExpected),
  v.transform((written) => ({ written, at: Date.parse(written) })),
  // Days that no month has are read as days of the next one.
  v.check(
    ({ written, at }) => Number.isFinite(at) && new Date(at).toISOString().startsWith(written.slice(0, 19)),
    instantExpected,
  ),
  v.transform(({ at }) => at),
);

/** Of a call that takes no query parameters: a misspelt or misplaced one is no silent default. */
export const noQuery = v.strictObject({});

/** How a publishing call is acknowledged: `?ack=&timeoutMs=`. */
export const acknowledgement = {
  ack: v.optional(v.picklist(["none", "regions", "everywhere"], 'expected "none", "regions" or "everywhere"'), "none"),
  timeoutMs: v.optional(wholeNumberText(0, 30_000), "5000"),
};

/** Of calls about tokens: whoever ends one wants it ended when the answer is there. */
export const ackedByRegions = v.strictObject({
  ...acknowledgement,
  ack: v.optional(acknowledgement.ack.wrapped, "regions"),
});

/** A caller's own id of an event. The mesh's `family-…` is not for taking: a login's end that is yet to come has it. */
export const givenEventId = v.pipe(
  v.string("expected a text"),
  v.regex(/^(?!family-)[A-Za-z0-9._:-]{1,128}$/, "expected 1 to 128 of [A-Za-z0-9._:-], not family-…"),
);
