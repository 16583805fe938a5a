/**
 * T1: tokens mutated at random, a hundred thousand of them, against a second verifier that shares no code: one verdict,
 * and no exception. Mutations are of the text, of the JSON inside, and of JSON that is then signed by the right key, so
 * that what is behind the signature is reached as well.
 */
import { describe, expect, test } from "vitest";
import { audience, issuerOf, outside, startedAt, TokenWire } from "../rules/token-wire.ts";
import { isLongRun } from "../support/long-run.ts";
import { referenceAccepts, type ReferenceRules } from "../support/reference-verifier.ts";
import { encode, mintKey, TokenMint } from "../support/token-mint.ts";

const runs = isLongRun ? 1_000_000 : 100_000;
const seed = Math.floor(Math.random() * 2 ** 31);

/** Mulberry32: the same seed, the same tokens. */
function randomOf(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const pick = <Item>(random: (below: number) => number, items: readonly Item[]): Item =>
  items[random(items.length)] as Item;
const characters = "ABCZabcz0129-_.=+/ \n\t\0é,;%".split("");
const seconds = startedAt / 1_000;
/** What a member may become: numbers around every border, other types, other names. */
const values: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  0.5,
  1e308,
  seconds,
  seconds - 5,
  seconds - 4,
  seconds + 5,
  seconds + 6,
  seconds + 3_600,
  seconds + 3_590,
  253_402_300_799,
  253_402_300_800,
  "",
  "ada",
  "k1",
  "r1",
  "none",
  "ES256",
  "RS256",
  "HS256",
  "JWT",
  "at+jwt",
  "AT+JWT",
  "application/at+jwt",
  "text/at+jwt",
  audience,
  outside,
  `${outside}/`,
  [],
  [audience],
  [audience, 1],
  [audience, "other"],
  {},
  { a: [1, { b: null }] },
];
const members = [
  "alg",
  "typ",
  "kid",
  "crit",
  "b64",
  "enc",
  "jwk",
  "iss",
  "sub",
  "aud",
  "exp",
  "iat",
  "nbf",
  "jti",
  "roles",
  "x",
];
const rawMembers = [
  '"sub":"root"',
  '"exp":1e400',
  '"a":"\\ud800"',
  '"\\u0061lg":"none"',
  '"a":1,"a":2',
  '"aud" : ["inventory"]',
  '"iat":1e3',
  '"exp":01',
];

function mutateText(text: string, random: (below: number) => number): string {
  const at = random(text.length + 1);
  switch (random(6)) {
    case 0:
      return text.slice(0, at) + pick(random, characters) + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random(3));
    case 2:
      return text.slice(0, at) + pick(random, characters) + text.slice(at + 1);
    case 3: {
      const parts = text.split(".");
      const [one, other] = [random(parts.length), random(parts.length)];
      [parts[one], parts[other]] = [parts[other] ?? "", parts[one] ?? ""];
      return parts.join(".");
    }
    case 4:
      return text + text.slice(at);
    default:
      return `${text}${pick(random, ["=", "==", " ", "\n", ".", ".AAAA"])}`;
  }
}

function mutateJson(json: Readonly<Record<string, unknown>>, random: (below: number) => number): string {
  const changed: Record<string, unknown> = { ...json };
  for (let change = random(3); change >= 0; change -= 1) {
    const name = pick(random, members);
    if (random(4) === 0) delete changed[name];
    else changed[name] = pick(random, values);
  }
  const text = JSON.stringify(changed);
  if (random(8) > 0) return text;
  const raw = pick(random, rawMembers);
  return random(2) === 0 ? `${text.slice(0, -1)}${text === "{}" ? "" : ","}${raw}}` : mutateText(text, random);
}

describe("T1 mutated tokens", () => {
  test(
    `${runs} of them get the verdict of a second verifier, and no exception (seed ${seed})`,
    { timeout: 600_000 },
    async () => {
      const mint = await TokenMint.open({ issuer: outside, audience, now: startedAt });
      const rsa = await mintKey("r1", "RS256");
      const wire = new TokenWire([issuerOf({ algorithms: ["ES256", "RS256"] })]);
      wire.publish(outside, [mint.key.publicJwk, rsa.publicJwk]);
      const rules: ReferenceRules = {
        issuer: outside,
        audience,
        types: ["at+jwt", "jwt"],
        keys: new Map([
          ["k1", { jwk: mint.key.publicJwk as never, algorithm: "ES256" }],
          ["r1", { jwk: rsa.publicJwk as never, algorithm: "RS256" }],
        ]),
        maxLifetimeSeconds: 3_600,
        toleranceSeconds: 5,
        now: startedAt,
      };
      const random = randomOf(seed);
      const good = await mint.token();
      const counts = { accepted: 0, refused: 0 };
      const differences: string[] = [];
      for (let run = 0; run < runs; run += 1) {
        const token = await tokenOf(run, random, mint, rsa, good);
        const isAccepted = (await wire.verify(token)).kind === "accepted";
        counts[isAccepted ? "accepted" : "refused"] += 1;
        if (isAccepted !== referenceAccepts(token, rules))
          differences.push(`${isAccepted ? "accepted" : "refused"}: ${token}`);
      }
      console.info(`seed ${seed}: ${counts.accepted} accepted, ${counts.refused} refused`);
      expect(differences.slice(0, 3)).toEqual([]);
      // Both verdicts are met often: a fuzz that is only ever refused would prove nothing.
      expect(counts.accepted).toBeGreaterThan(runs / 100);
      expect(counts.refused).toBeGreaterThan(runs / 2);
    },
  );
});

/** Most are changed after signing; some before, and signed as they are. */
async function tokenOf(
  run: number,
  random: (below: number) => number,
  mint: TokenMint,
  rsa: Awaited<ReturnType<typeof mintKey>>,
  good: string,
): Promise<string> {
  const [header = "", , signature = ""] = good.split(".");
  switch (random(8)) {
    case 0:
      return `${header}.${encode(mutateJson(mint.claims(), random))}.${signature}`;
    case 1: {
      const key = random(2) === 0 ? mint.key : rsa;
      const usual = { alg: key.algorithm, typ: "at+jwt", kid: key.kid };
      const headerText = random(2) === 0 ? JSON.stringify(usual) : mutateJson(usual, random);
      return mint.token({ key, headerText, claimsText: mutateJson({ ...mint.claims(), jti: `j${run}` }, random) });
    }
    default: {
      let text = good;
      for (let change = random(2); change >= 0; change -= 1) text = mutateText(text, random);
      return text;
    }
  }
}
