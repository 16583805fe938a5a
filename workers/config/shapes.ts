/**
 * The shapes that settings are made of. Each message is what was expected, in words that fit after "expected";
 * `Mistakes` adds the path and what was received.
 */
import * as v from "valibot";
import { suggestion } from "./refusal.ts";

type Strict<Entries extends v.ObjectEntries> = v.StrictObjectSchema<Entries, undefined>;
type FieldsSchema<Entries extends v.ObjectEntries> = v.GenericSchema<
  v.InferInput<Strict<Entries>>,
  v.InferOutput<Strict<Entries>>
>;

/** An object with these fields and no others. */
export function fields<const Entries extends v.ObjectEntries>(
  entries: Entries,
  what = "an object",
): FieldsSchema<Entries> {
  const known = Object.keys(entries);
  const shape = v.pipe(
    plainObject(what),
    v.looseObject(entries, (issue) => messageOfMissing(entries, issue)),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!isPlainObject(dataset.value)) return;
      const input = dataset.value;
      for (const key of Object.keys(input)) {
        if (Object.hasOwn(entries, key)) continue;
        const message = `a known field${suggestion(key, known)}`;
        addIssue({ message, input: key, path: [{ type: "object", origin: "key", input, key, value: input[key] }] });
      }
    }),
  );
  // `looseObject` lets unknown fields through its type; the check above lets none through.
  return shape as unknown as FieldsSchema<Entries>;
}

/** A missing field is told in the words of the field itself. */
function messageOfMissing(entries: v.ObjectEntries, issue: v.BaseIssue<unknown>): string {
  const entry = entries[String(issue.path?.at(-1)?.key)];
  if (entry === undefined || entry.async) return issue.message;
  return v.safeParse(entry, undefined).issues?.[0].message ?? issue.message;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function plainObject(what = "an object") {
  return v.custom<Record<string, unknown>>(isPlainObject, what);
}

const notAvailable = "not available in this version";

/** A setting of a later version: known, and refused unless it is absent or `off`. */
export function unavailable<const Off extends string | number | boolean = never>(...off: readonly Off[]) {
  const values = off.map((value) => JSON.stringify(value)).join(" or ");
  const expected = off.length === 0 ? `no such setting (${notAvailable})` : `${values} (others are ${notAvailable})`;
  return v.optional(
    v.custom<Off | null>((value) => value === null || (off as readonly unknown[]).includes(value), expected),
  );
}

/** One of `available`; those of `later` are known, and not there yet. `form` is another way to write it. */
export function choice<const Name extends string>(
  available: readonly Name[],
  later: readonly string[] = [],
  form = "",
) {
  const expected = available.map((name) => JSON.stringify(name)).join(" or ") + (form === "" ? "" : ` or ${form}`);
  return v.picklist(available, (issue) =>
    typeof issue.input === "string" && later.includes(issue.input)
      ? `${expected} (others are ${notAvailable})`
      : expected,
  );
}

/** Objects are read by `object`, everything else by `text`. */
export function either<const Text extends v.GenericSchema, const Shape extends v.GenericSchema>(
  text: Text,
  object: Shape,
) {
  return v.lazy(
    (input): v.GenericSchema<v.InferInput<Text> | v.InferInput<Shape>, v.InferOutput<Text> | v.InferOutput<Shape>> =>
      isPlainObject(input) ? object : text,
  );
}

export function wholeNumber(least: number, most: number) {
  const expected = `a whole number from ${least} to ${most}`;
  return v.custom<number>(
    (value) => typeof value === "number" && Number.isInteger(value) && value >= least && value <= most,
    expected,
  );
}

export const truth = v.boolean("true or false");

export function matching(pattern: RegExp, expected: string) {
  return v.custom<string>((value) => typeof value === "string" && pattern.test(value), expected);
}

const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
export const isName = (text: string): boolean => namePattern.test(text);
export const nameExpected = "a name ([a-z0-9][a-z0-9._-]{0,63})";
export const name = matching(namePattern, nameExpected);

/** RFC 9110 section 5.1: field names are tokens, without regard to case. Kept in lower case. */
const fieldNamePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
export const fieldName = v.pipe(matching(fieldNamePattern, "a header's name"), v.toLowerCase());

/** CONNECT and TRACE cannot be fetched. */
export const method = matching(/^(?!CONNECT$|TRACE$)[A-Z][A-Z-]{0,19}$/, "a method in capitals, not CONNECT or TRACE");

/** Printable ASCII without spaces at the ends. */
export function plainText(mostCharacters: number) {
  const expected = `a text of 1 to ${mostCharacters} printable ASCII characters`;
  return matching(new RegExp(`^(?! )[\\x20-\\x7e]{1,${mostCharacters}}(?<! )$`), expected);
}

/** A list without repetitions. */
export function list<const Item extends v.GenericSchema>(item: Item, expected: string, least = 0) {
  return v.pipe(
    v.array(item, expected),
    v.minLength(least, expected),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const input = dataset.value;
      for (const [key, value] of input.entries()) {
        if (typeof value === "object" || input.indexOf(value) === key) continue;
        addIssue({
          message: "each item once",
          input: value,
          path: [{ type: "array", origin: "value", input, key, value }],
        });
      }
    }),
  );
}
