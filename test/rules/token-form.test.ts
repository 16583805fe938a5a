/** T1: exactly one spelling of a token is accepted. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { readCompactForm } from "../../workers/token/compact-form.ts";
import { maxDepth, parseStrictObject } from "../../workers/token/strict-json.ts";
import { encode, TokenMint } from "../support/token-mint.ts";
import { audience, outside, startedAt, TokenWire } from "./token-wire.ts";
import { isLongRun } from "../support/long-run.ts";

const runs = isLongRun ? 100_000 : 2_000;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** What a lenient reader would make of a text: characters that are not base64url are skipped, odd bits dropped. */
function lenientBytes(part: string): string {
  let bits = "";
  for (const character of part) {
    const value = alphabet.indexOf(character);
    if (value !== -1) bits += value.toString(2).padStart(6, "0");
  }
  return bits.slice(0, bits.length - (bits.length % 8));
}

const meaningOf = (token: string) => token.split(".").map(lenientBytes).join(".");

let mint: TokenMint;
let good: string;
beforeAll(async () => {
  mint = await TokenMint.open({ issuer: outside, audience, now: startedAt });
  good = await mint.token();
});

/** One edit of a text: a character put in, taken away, doubled or replaced. */
const edit = fc.record({
  at: fc.nat(10_000),
  kind: fc.constantFrom("insert", "delete", "replace", "append" as const),
  character: fc.oneof(
    fc.constantFrom("=", "\n", "\r", "\t", " ", ".", "+", "/", "-", "_", "%", "A"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
});

function edited(text: string, { at, kind, character }: { at: number; kind: string; character: string }): string {
  const index = at % text.length;
  if (kind === "append") return text + character;
  const after = kind === "insert" ? index : index + 1;
  return text.slice(0, index) + (kind === "delete" ? "" : character) + text.slice(after);
}

describe("T1 one spelling", () => {
  test("of all texts that mean the same bytes, the form check passes one", () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const other = edits.reduce(edited, good);
        fc.pre(other !== good && meaningOf(other) === meaningOf(good));
        expect(readCompactForm(other).kind).toBe("refused");
      }),
      { numRuns: runs },
    );
  });

  test("every edited token is refused, or is the good token again", async () => {
    const wire = new TokenWire();
    wire.publish(outside, [mint.key.publicJwk]);
    expect(await wire.outcome(good)).toBe("accepted");
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 2 }), async (edits) => {
        const other = edits.reduce(edited, good);
        expect((await wire.outcome(other)) === "accepted").toBe(other === good);
      }),
      { numRuns: Math.ceil(runs / 4) },
    );
  });

  test("whatever bytes a part holds, its own encoding passes and its neighbour's does not", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true }), (claims) => {
        fc.pre(Object.keys(claims).every((name) => name.isWellFormed()) && JSON.stringify(claims).isWellFormed());
        const text = JSON.stringify(claims);
        const token = `${encode("{}")}.${encode(text)}.${encode("signature")}`;
        const written: unknown = JSON.parse(text);
        expect(readCompactForm(token)).toEqual({ kind: "formed", header: {}, claims: written });
        expect(readCompactForm(`${token}=`).kind).toBe("refused");
      }),
      { numRuns: Math.ceil(runs / 4) },
    );
  });
});

describe("strict JSON (RFC 7515 section 4)", () => {
  test("agrees with JSON.parse about every object that has no member twice", () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5, stringUnit: "grapheme" }),
        fc.constantFrom(undefined, 1, "\t"),
        (value, space) => {
          const text = JSON.stringify({ value }, undefined, space);
          expect(parseStrictObject(text)).toEqual({ kind: "object", value: JSON.parse(text) as unknown });
        },
      ),
      { numRuns: Math.ceil(runs / 4) },
    );
  });

  test("finds a member that is there twice, wherever it is and however it is written", () => {
    const name = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(name, fc.array(fc.constantFrom("[", "{"), { maxLength: 6 }), (member, wrapping) => {
        const escaped = member
          .split("")
          .map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)
          .join("");
        let text = `{${JSON.stringify(member)}:"a\\"}","${escaped}" :1}`;
        for (const bracket of wrapping) text = bracket === "[" ? `["{",${text}]` : `{"w":${text}}`;
        expect(parseStrictObject(`{"top":${text}}`)).toEqual({ kind: "refused", reason: "member_repeated" });
      }),
      { numRuns: Math.ceil(runs / 4) },
    );
  });

  test("the same name in two objects is not twice", () => {
    expect(parseStrictObject('{"a":{"a":[{"a":1},{"a":"a"}]},"b":"a"}').kind).toBe("object");
  });

  test("depth counts objects and lists, and ends at the cap", () => {
    const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
    expect(parseStrictObject(nested(maxDepth)).kind).toBe("object");
    expect(parseStrictObject(nested(maxDepth + 1))).toEqual({ kind: "refused", reason: "nested_too_deep" });
  });
});
