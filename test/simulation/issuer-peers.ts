/**
 * What others do with the same arrivals: jose's `createRemoteJWKSet` (its defaults, one in each isolate) and hono's
 * `jwk()`. Only the date is virtual: neither keeps a timer that counts here.
 */
import { Hono } from "hono";
import { jwk } from "hono/jwk";
import { createRemoteJWKSet, customFetch, SignJWT } from "jose";
import { vi } from "vitest";
import type { MintedKey } from "../support/token-mint.ts";
import { encode } from "../support/token-mint.ts";
import { beginAt, type Arrival } from "./issuer-planet.ts";

export interface PeerWorld {
  readonly isolates: number;
  readonly arrivals: readonly Arrival[];
  /** In ms from the beginning; a new isolate takes the place of another. */
  readonly restarts?: readonly { readonly at: number; readonly isolate: number }[];
  readonly key: MintedKey;
  readonly isUp: (at: number) => boolean;
}

export interface PeerScore {
  readonly fetches: number;
  /** Of tokens by the issuer's key. */
  readonly goodRefused: number;
}

type Get = () => Promise<Response>;

/** Whether the isolate accepts a token of this key id. */
type Accepts = (kid: string) => Promise<boolean>;

const jwksUri = "https://id.example.com/jwks";

export function joseScore(world: PeerWorld): Promise<PeerScore> {
  return score(world, (get) => {
    const keys = createRemoteJWKSet(new URL(jwksUri), { [customFetch]: get });
    return (kid) =>
      keys({ alg: "ES256", kid }, { payload: "", signature: "" }).then(
        () => true,
        () => false,
      );
  });
}

export async function honoScore(world: PeerWorld): Promise<PeerScore> {
  const tokens = await tokensFor(world);
  try {
    return await score(world, (get) => {
      // It has no setting for this: it calls the runtime's own.
      vi.stubGlobal("fetch", get);
      const app = new Hono();
      app.use(jwk({ jwks_uri: jwksUri, alg: ["ES256"] }));
      app.onError((_error, c) => c.text("", 500));
      app.get("/", (c) => c.text("accepted"));
      return async (kid) => {
        const headers = { authorization: `Bearer ${tokens(kid)}` };
        return (await app.request("/", { headers })).status === 200;
      };
    });
  } finally {
    vi.unstubAllGlobals();
  }
}

async function score(world: PeerWorld, isolateWith: (get: Get) => Accepts): Promise<PeerScore> {
  const { key, arrivals, restarts = [] } = world;
  let now = 0;
  let fetches = 0;
  let goodRefused = 0;
  const get: Get = () => {
    fetches += 1;
    if (!world.isUp(now)) return Promise.resolve(new Response("down", { status: 503 }));
    return Promise.resolve(Response.json({ keys: [key.publicJwk] }));
  };
  const isolates = Array.from({ length: world.isolates }, () => isolateWith(get));
  const ends = restarts.toSorted((one, other) => one.at - other.at);
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    for (const { at, isolate, kid } of arrivals.toSorted((one, other) => one.at - other.at)) {
      for (let end = ends[0]; end !== undefined && end.at <= at; end = ends[0]) {
        isolates[end.isolate] = isolateWith(get);
        ends.shift();
      }
      now = at;
      vi.setSystemTime(beginAt + at);
      const isAccepted = (await isolates[isolate]?.(kid)) ?? false;
      if (kid === key.kid && !isAccepted) goodRefused += 1;
    }
  } finally {
    vi.useRealTimers();
  }
  return { fetches, goodRefused };
}

/** One good token, and what looks like it under any other key id. */
async function tokensFor({ key }: PeerWorld): Promise<(kid: string) => string> {
  const good = await new SignJWT({ sub: "ada" })
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: key.kid })
    .setIssuedAt(beginAt / 1_000 - 10)
    .setExpirationTime(beginAt / 1_000 + 100_000)
    .sign(key.privateKey);
  const rest = good.slice(good.indexOf("."));
  return (kid) => (kid === key.kid ? good : encode(JSON.stringify({ alg: "ES256", typ: "JWT", kid })) + rest);
}
