/** Verifications in the runtime: as many as are asked for, one after the other, in one of the ways that are compared. */
import { createLocalJWKSet, jwtVerify } from "jose";
import type { PublicKey } from "../durable-objects/keyring/contract.ts";
import { readCredential } from "../workers/token/credential.ts";
import { audience, issuer, openIssuer } from "./token-issuer.ts";
import { makeVerifier, type Verifier } from "./token-verifier.ts";
import type { Verdict } from "../workers/token/identity.ts";
import type { Tokens } from "../workers/token/tokens.ts";

/** Twice as many as a verifier remembers: each was forgotten when its turn comes again. */
const allTokens = 20_000;
const keptTokens = 8_000;
const fewTokens = 16;
/** Prime to these numbers, so that turns go through all of them, and never to a neighbour in memory. */
const stride = 7_919;

/** Known tokens let nothing else come about: every so many of them the view may be renewed, as it is between requests. */
const verificationsABreath = 10_000;

/** One verification; throws for a token that is refused. */
type Verify = (token: string, context: ExecutionContext, now: number) => Promise<void> | undefined;

interface Way {
  /** `Authorization` fields that take turns. */
  readonly fields: readonly string[];
  readonly verify: Verify;
  /** Full verifications so far, where they are counted. */
  readonly verified: () => number | null;
  readonly renew: Verifier["renew"] | null;
  turn: number;
}

let prepared: Promise<Readonly<Record<string, Way>>> | null = null;

export default {
  async fetch(request: Request, _env: unknown, context: ExecutionContext): Promise<Response> {
    const { searchParams } = new URL(request.url);
    // The first request makes everything before another one comes: a promise is never waited for by two of them.
    prepared ??= prepare(context);
    const way = (await prepared)[searchParams.get("way") ?? ""];
    if (way === undefined) return new Response("no such way", { status: 404 });
    const many = Number(searchParams.get("many"));
    const before = way.verified();
    await run(way, many, context);
    const after = way.verified();
    return Response.json({ made: many, verified: before === null || after === null ? null : after - before });
  },
};

async function run(way: Way, many: number, context: ExecutionContext): Promise<void> {
  const { fields, verify } = way;
  const now = Date.now();
  for (let nth = 0; nth < many; nth += 1) {
    if (nth % verificationsABreath === 0) await way.renew?.(context);
    way.turn = (way.turn + stride) % fields.length;
    // Read out of its field each time, as the gate does: a text that was looked up before would know its hash.
    const credential = readCredential(fields[way.turn] ?? null);
    if (credential.kind !== "bearer")
      throw new Error(`cannot verify: received a credential of kind ${credential.kind}`);
    const later = verify(credential.token, context, now);
    if (later !== undefined) await later;
  }
}

async function prepare(context: ExecutionContext): Promise<Readonly<Record<string, Way>>> {
  const { publicKey, mint } = await openIssuer();
  const fields = (await mint(allTokens)).map((token) => `Bearer ${token}`);
  const ours = (of: readonly string[], revocations: number): Way => {
    const { tokens, verified, renew } = makeVerifier(publicKey, revocations);
    return { fields: of, verify: by(tokens), verified, renew, turn: 0 };
  };
  const kept = ours(fields.slice(0, keptTokens), 0);
  await run(kept, keptTokens, context);
  return {
    few: { ...kept, fields: fields.slice(0, fewTokens) },
    kept,
    full: ours(fields, 0),
    fullRevoked: ours(fields, 100_000),
    jose: { fields, verify: byJose(publicKey), verified: () => null, renew: null, turn: 0 },
  };
}

function by(tokens: Tokens): Verify {
  return (token, context, now) => {
    const verdict = tokens.verify(token, context, now);
    if (verdict instanceof Promise) return verdict.then(mustAccept);
    mustAccept(verdict);
    return undefined;
  };
}

function mustAccept(verdict: Verdict): void {
  if (verdict.kind === "refused") throw new Error(`cannot count a refused token: ${verdict.reason ?? verdict.code}`);
}

/** The same rules, said in its options. */
function byJose(publicKey: PublicKey): Verify {
  const keys = createLocalJWKSet({ keys: [publicKey] });
  return async (token, _context, now) => {
    await jwtVerify(token, keys, {
      issuer,
      audience,
      typ: "at+jwt",
      algorithms: ["ES256"],
      requiredClaims: ["sub", "exp", "iat"],
      maxTokenAge: 3_600,
      clockTolerance: 5,
      currentDate: new Date(now),
    });
  };
}
