/** What revocations add to a request, with many of them in the filter; printed, and not held to a time. */
import { expect, test } from "vitest";
import type { MeshEvent } from "../../durable-objects/log/contract.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { KeyFilter } from "../../durable-objects/revocations/key-filter.ts";
import { keyOfTarget } from "../../durable-objects/revocations/naming.ts";
import { VerifiedTokens, type VerifiedToken } from "../../workers/token/verified-tokens.ts";
import { IssuerKeys } from "../../workers/token/issuer-keys.ts";
import { Revocations } from "../../workers/view/revocations.ts";
import { isLongRun } from "../support/long-run.ts";
import { outside, startedAt } from "./token-wire.ts";

const count = isLongRun ? 1_000_000 : 100_000;
const tokens = 10_000;
const rounds = 20;

function namesOf(index: number): TokenNames {
  return {
    issuer: outside,
    subject: `subject-${index}`,
    jti: `3f0c1d9e-0000-4000-8000-${index}`,
    client: "console",
    tenant: `tenant-${index % 100}`,
    family: `family-of-some-length-${index}`,
    kid: "k1",
    issuedFrom: startedAt,
  };
}

function revocation(seq: number): MeshEvent {
  const data = { jti: `new-${seq}`, endsAt: startedAt + 3_600_000, by: "test", since: startedAt };
  return { v: 1, seq, id: `r${seq}`, type: "revocation", data, at: startedAt };
}

function microseconds(asks: number, work: () => void): string {
  const began = performance.now();
  work();
  return ((1_000 * (performance.now() - began)) / asks).toFixed(3);
}

test(`T3 a request's verdict with ${count} revocations: one comparison for a known token, one look at the filter for another`, () => {
  const filter = KeyFilter.forKeys(count);
  const made = microseconds(count, () => {
    for (let index = 0; index < count; index += 1) filter.add(keyOfTarget({ jti: `revoked-${index}` }));
  });
  const known = new Revocations();
  known.reset(0);
  known.takeFilter(0, filter.data());
  const checks = {
    get revision() {
      return known.revision;
    },
    get liftedRevision() {
      return known.liftedRevision;
    },
    since: (names: TokenNames, revision: number) => known.verdictSince(names, revision),
  };
  const source = {
    issuer: outside,
    ttlMs: 1,
    maxStaleMs: 1_000_000,
    ask: () => Promise.reject(new Error("not asked")),
  };
  const keysView = { cursor: { epoch: "e1" }, keysOf: () => ({ issuer: outside, keys: [], fetchedAt: startedAt }) };
  const keys = new IssuerKeys(source, keysView);
  const generation = keys.current(startedAt);
  if (generation === null) throw new Error("expected a set");
  const all = Array.from({ length: tokens }, (_, index) => ({ token: `token-${index}`, names: namesOf(index) }));
  const blind = new VerifiedTokens({ revision: 0, liftedRevision: 0, since: () => "clear" });
  const cache = new VerifiedTokens(checks);
  for (const { token, names } of all) {
    const verdict = { kind: "accepted", identity: null as never } as const;
    const entry: VerifiedToken = {
      verdict,
      goodFrom: 0,
      goodUntil: Infinity,
      keys,
      generation,
      names,
      revision: known.revision,
    };
    cache.keep(token, entry);
    blind.keep(token, { ...entry, revision: 0 });
  }
  const askAll = (store: VerifiedTokens) => () => {
    for (let round = 0; round < rounds; round += 1) for (const { token } of all) store.find(token, startedAt);
  };
  askAll(blind)();
  askAll(cache)();
  const without = microseconds(tokens * rounds, askAll(blind));
  const unchanged = microseconds(tokens * rounds, askAll(cache));
  let seq = 0;
  const changed = microseconds(tokens * rounds, () => {
    for (let round = 0; round < rounds; round += 1) {
      known.learn(revocation((seq += 1)));
      for (const { token } of all) cache.find(token, startedAt);
    }
  });
  let perhaps = 0;
  const fresh = microseconds(tokens * rounds, () => {
    for (let round = 0; round < rounds; round += 1) {
      for (const { names } of all) if (known.verdictOn(names).kind === "ask") perhaps += 1;
    }
  });
  console.info(
    `${count} revocations in ${filter.byteLength} bytes, ${made} µs a key; a known token ${without} µs without a look, ` +
      `${unchanged} µs with it, ${changed} µs after each new revocation; a fresh one's look ${fresh} µs, ` +
      `${((100 * perhaps) / (tokens * rounds)).toFixed(2)} % asked about`,
  );
  expect(perhaps / (tokens * rounds)).toBeLessThan(0.01);
});
