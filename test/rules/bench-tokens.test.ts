import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openIssuer, type TokenIssuer } from "../../bench/token-issuer.ts";
import { TokenReel } from "../../bench/token-reel.ts";
import { makeVerifier, type Verifier } from "../../bench/token-verifier.ts";

const context = { waitUntil: () => {} };

describe("P1 tokens take turns", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "selvedge-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("P1 a run goes on where the last one ended, whoever took the tokens", () => {
    const reel = TokenReel.write(join(folder, "reel"), ["a", "b", "c", "d"]);
    expect([reel.next(), reel.next()]).toEqual(["a", "b"]);
    reel.pass(5);
    expect(reel.turn).toBe(3);
    expect([reel.next(), reel.next()]).toEqual(["d", "a"]);
    expect(readFileSync(reel.file, "utf8").trimEnd().split("\n")).toEqual(["a", "b", "c", "d"]);
  });

  test("P1 two sides take the same tokens, each in its own turn", () => {
    const reel = TokenReel.write(join(folder, "sides"), ["a", "b"]);
    const [ours, theirs] = [reel.again(), reel.again()];
    expect([ours.next(), ours.next(), theirs.next()]).toEqual(["a", "b", "a"]);
    expect(reel.turn).toBe(0);
  });

  test("P1 no tokens are no turns", () => {
    expect(() => TokenReel.write(join(folder, "none"), [])).toThrow("received none");
  });
});

describe("P5 what is timed is what it says", () => {
  let issuer: TokenIssuer;
  beforeAll(async () => {
    issuer = await openIssuer();
  });

  async function kindsOf({ tokens }: Verifier, presented: readonly string[]): Promise<readonly string[]> {
    const kinds: string[] = [];
    for (const token of presented) kinds.push((await tokens.verify(token, context, Date.now())).kind);
    return kinds;
  }

  test.each([0, 1_000])("P5 a token is verified once and known then, beside %i revocations", async (revocations) => {
    const verifier = makeVerifier(issuer.publicKey, revocations);
    const [one = "", other = ""] = await issuer.mint(2);
    expect(await verifier.renew(context)).toBe(true);
    expect(await kindsOf(verifier, [one, other, one, one, other])).toEqual(Array(5).fill("accepted"));
    expect(verifier.verified()).toBe(2);
  });

  test("P5 tokens of another key are refused, and not counted", async () => {
    const verifier = makeVerifier((await openIssuer()).publicKey, 0);
    expect(await kindsOf(verifier, await issuer.mint(1))).toEqual(["refused"]);
    expect(verifier.verified()).toBe(0);
  });
});
