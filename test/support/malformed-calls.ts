/** Every kind of malformed body, query and name that the mesh API must refuse, and the field that each refusal names. */
import type { RefusedCall } from "./refusal-calls.ts";

export const malformed = { status: 400, code: "malformed_request" } as const;

export const hold = { holder: "node-a", ttlMs: 1_000 };
const holdOf = (more: object) => ({ ...hold, ...more });
export const acquire = "POST /locks/loom/acquire";
export const take = "POST /limits/demo/take";
export const purge = "POST /invalidations";
export const takeOf = (more: object) => ({ key: "untouched", ...more });

/** Rows of [what is wrong, what is sent, the field that the detail names]. */
const bodies: Readonly<Record<string, readonly (readonly [string, unknown, string])[]>> = {
  [acquire]: [
    ["no body", undefined, "body: expected JSON"],
    ["a body of spaces", "   ", "body: expected JSON"],
    ["broken JSON", `{"holder":"a"`, "body: expected JSON"],
    ["two values", `{"holder":"a","ttlMs":1000}{}`, "body: expected JSON"],
    ["a trailing comma", `{"holder":"a","ttlMs":1000,}`, "body: expected JSON"],
    ["NaN", `{"holder":"a","ttlMs":NaN}`, "body: expected JSON"],
    ["Infinity", `{"holder":"a","ttlMs":Infinity}`, "body: expected JSON"],
    ["a byte order mark", `\xef\xbb\xbf{"holder":"a","ttlMs":1000}`, "body: expected JSON"],
    ["bytes that are no UTF-8", `{"holder":"\xff","ttlMs":1000}`, "body: expected UTF-8"],
    ["a form", "holder=a&ttlMs=1000", "body: expected JSON"],
    ["null", "null", "body: expected an object"],
    ["a list", [], "expected"],
    ["a text that could be a secret", JSON.stringify("s".repeat(2_000)), "body: expected an object"],
    ["a deep nest", `{"holder":${"[".repeat(200_000)}${"]".repeat(200_000)},"ttlMs":1000}`, "holder: "],
    ["no fields", {}, "holder: expected, and missing"],
    ["no ttlMs", { holder: "a" }, "ttlMs: expected, and missing"],
    ["a misspelt field", holdOf({ ttlms: 5 }), "ttlms: expected no such field"],
    ["a prototype's name", `{"holder":"a","ttlMs":1000,"__proto__":{}}`, "__proto__: expected no such field"],
    ["another prototype's name", holdOf({ constructor: 1 }), "constructor: expected no such field"],
    ["a field with an endless name", holdOf({ ["x".repeat(5_000)]: 1 }), "x".repeat(100)],
    ["an empty holder", holdOf({ holder: "" }), "holder: "],
    ["a holder of another type", holdOf({ holder: 7 }), "holder: "],
    ["a holder that is null", holdOf({ holder: null }), "holder: "],
    ["a holder over its length", holdOf({ holder: "a".repeat(129) }), "holder: "],
    ["a holder over its bytes", holdOf({ holder: "ä".repeat(65) }), "holder: "],
    ["a line break in the holder", holdOf({ holder: "a\nb" }), "holder: "],
    ["a zero character in the holder", holdOf({ holder: "a\u0000" }), "holder: "],
    ["a delete character in the holder", holdOf({ holder: "\u007f" }), "holder: "],
    ["a C1 control character in the holder", holdOf({ holder: "a\u0085b" }), "holder: "],
    ["half a character in the holder", `{"holder":"\\ud800","ttlMs":1000}`, "holder: "],
    ["ttlMs as a text", holdOf({ ttlMs: "1000" }), "ttlMs: expected a whole number from 1000 to 3600000"],
    ["a negative ttlMs", holdOf({ ttlMs: -1_000 }), "ttlMs: "],
    ["ttlMs of 0", holdOf({ ttlMs: 0 }), "ttlMs: "],
    ["a fraction", holdOf({ ttlMs: 1_000.5 }), "ttlMs: "],
    ["ttlMs over its most", holdOf({ ttlMs: 3_600_001 }), "ttlMs: "],
    ["a number beyond all", `{"holder":"a","ttlMs":1e999}`, "ttlMs: "],
    ["a negative waitMs", holdOf({ waitMs: -1 }), "waitMs: "],
    ["waitMs over its most", holdOf({ waitMs: 30_001 }), "waitMs: "],
    ["waitMs that is null", holdOf({ waitMs: null }), "waitMs: "],
    ["atLeastMs over ttlMs", holdOf({ atLeastMs: 1_001 }), "atLeastMs: "],
    ["a shared hold", holdOf({ mode: "shared" }), "mode: "],
    ["permits", holdOf({ permits: 2 }), "permits: "],
    ["an empty requestId", holdOf({ requestId: "" }), "requestId: "],
  ],
  "POST /locks/loom/renew": [
    ["no token", { holder: "a" }, "token: expected, and missing"],
    ["a negative token", { holder: "a", token: -1 }, "token: "],
    ["a token beyond exact numbers", `{"holder":"a","token":9007199254740993}`, "token: "],
  ],
  "POST /locks/loom/release": [
    ["a token as a text", { holder: "a", token: "1" }, "token: "],
    ["a field of another call", { holder: "a", token: 1, ttlMs: 1_000 }, "ttlMs: expected no such field"],
  ],
  "POST /locks/renew": [
    ["no holds", { holder: "a", holds: [] }, "holds: "],
    ["too many holds", { holder: "a", holds: Array.from({ length: 101 }, () => ({ lock: "l", token: 1 })) }, "holds: "],
    ["a hold that is a text", { holder: "a", holds: ["x".repeat(2_000)] }, "holds.0: expected an object"],
    [
      "a wrong name within",
      {
        holder: "a",
        holds: [
          { lock: "l", token: 1 },
          { lock: "L", token: 1 },
        ],
      },
      "holds.1.lock: ",
    ],
  ],
  [take]: [
    ["no key", { cost: 1 }, "key: expected, and missing"],
    ["an empty key", { key: "" }, "key: "],
    ["a key over 512 bytes", { key: "k".repeat(513) }, "key: "],
    ["a control character in the key", { key: "a\tb" }, "key: "],
    ["a key that is a list", { key: ["a"] }, "key: "],
    ["a negative cost", takeOf({ cost: -1 }), "cost: "],
    ["half a token", takeOf({ cost: 0.5 }), "cost: "],
    ["a cost beyond exact numbers", takeOf({ cost: 2 ** 53 }), "cost: "],
    ["a cost as a text", takeOf({ cost: "1" }), "cost: "],
    ["an unknown field", takeOf({ costs: 1 }), "costs: expected no such field"],
  ],
  [purge]: [
    ["nothing to purge", {}, "expected tags, urls, prefixes or everything"],
    ["a mode alone", { mode: "purge" }, "expected tags, urls, prefixes or everything"],
    ["a list as a body", [], "expected"],
    ["no tags in the list", { tags: [] }, "tags: "],
    ["tags that are a text", { tags: "a" }, "tags: "],
    ["an empty tag", { tags: [""] }, "tags.0: "],
    ["a tag over 64 bytes", { tags: ["ok", "ä".repeat(33)] }, "tags.1: "],
    ["a control character in a tag", { tags: ["a\u001b"] }, "tags.0: "],
    ["too many tags", { tags: Array.from({ length: 10_001 }, () => "t") }, "tags: "],
    ["a URL with dot segments", { urls: ["/a/../b"] }, "urls.0: "],
    ["a URL that is no path", { urls: ["parts"] }, "urls.0: "],
    ["a URL of another scheme", { urls: ["file:///etc/passwd"] }, "urls.0: "],
    ["a URL with a user", { urls: ["http://a@b/"] }, "urls.0: "],
    ["a prefix with an encoded slash", { prefixes: ["/a", "/a%2Fb"] }, "prefixes.1: "],
    ["everything that is false", { everything: false }, "everything: expected true"],
    ["an unknown mode", { everything: true, mode: "soft" }, "mode: "],
    ["an id with a space", { everything: true, id: "a b" }, "id: "],
    ["an id over its length", { everything: true, id: "a".repeat(129) }, "id: "],
  ],
};

const bodyCalls: readonly RefusedCall[] = Object.entries(bodies).flatMap(([line, rows]) =>
  rows.map(([title, body, names]): RefusedCall => ({ title, line, body, names, ...malformed })),
);

/** Rows of [method and path, the field that the detail names]. */
const targets: readonly (readonly [string, string])[] = [
  ["POST /invalidations?ack=all", "ack: "],
  ["POST /invalidations?ack=", "ack: "],
  ["POST /invalidations?ack=none&ack=regions", "query ack: "],
  ["POST /invalidations?ack=regions&timeoutMs=-1", "timeoutMs: "],
  ["POST /invalidations?ack=regions&timeoutMs=1e3", "timeoutMs: "],
  ["POST /invalidations?ack=regions&timeoutMs=30001", "timeoutMs: "],
  ["POST /invalidations?ack=regions&timeoutMs=99999999999999999999", "timeoutMs: "],
  ["POST /invalidations?akc=regions", "akc: expected no such field"],
  ["POST /invalidations?__proto__=regions", "__proto__: expected no such field"],
  ["POST /invalidations?__proto__=a&__proto__=b", "query __proto__: "],
  ["GET /locks?limit=0", "limit: "],
  ["GET /locks?limit=1001", "limit: "],
  ["GET /locks?limit=ten", "limit: "],
  ["GET /locks?limit=", "limit: "],
  ["GET /locks?limit=1&limit=2", "query limit: "],
  ["GET /locks?cursor=%00", "query cursor: "],
  ["GET /locks?cursor=WzEwMDAwMCwiIl0", "query cursor: "],
  ["GET /locks?page=2", "page: expected no such field"],
  ["GET /limits?limit=-5", "limit: "],
  ["GET /limits?cursor=A", "cursor: "],
  ["GET /status?fromat=text", "fromat: expected no such field"],
  ["GET /events/an-id?after=1", "after: expected no such field"],
  ["GET /locks/Loom", "name: "],
  ["GET /locks/-loom", "name: "],
  [`GET /locks/${"a".repeat(65)}`, "name: "],
  ["GET /locks/a%20b", "name: "],
  ["GET /locks/l%C3%B6om", "name: "],
  ["GET /locks/a%3Fb", "name: "],
  ["DELETE /locks/a%23b", "name: "],
  ["GET /locks/a%2525", ""],
  ["GET /locks/a%2Fb", ""],
  ["GET /locks/%2e%2e", ""],
  ["GET /locks/..", ""],
  ["GET /locks//a", ""],
  ["GET /locks/a%00", ""],
  ["GET /locks/a%0d%0aX", ""],
  ["GET /locks/a%ff", ""],
  ["GET /events/a%20b", "id: "],
  [`GET /events/${"e".repeat(129)}`, "id: "],
  [`GET /limits/demo/budgets/${"k".repeat(513)}`, "key: "],
];

const targetCalls = targets.map(([line, names]): RefusedCall => {
  const body = line.startsWith("POST") ? { body: { everything: true } } : {};
  return { title: line, line, ...body, ...(names === "" ? {} : { names }), ...malformed };
});

export const malformedCalls: readonly RefusedCall[] = [...bodyCalls, ...targetCalls];
