/** T3, T6 in the runtime: what a Region knows of revocations, and what a million of them cost. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import config from "../../mesh.config.ts";
import { afterEach, describe, expect, test } from "vitest";
import type { Cursor, NewEvent } from "../../durable-objects/log/contract.ts";
import type { RegionContract } from "../../durable-objects/region/contract.ts";
import { SqlRevocations } from "../../durable-objects/region/sql-revocations.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { KeyFilter } from "../../durable-objects/revocations/key-filter.ts";
import { keyOfTarget } from "../../durable-objects/revocations/naming.ts";
import { logStub, regionStub } from "../../durable-objects/stubs.ts";
import { isLongRun } from "../support/long-run.ts";

const environment = String(config.environment);
const log = () => logStub(env, environment);
const region = (): RegionContract => regionStub(env, environment, "weur");
const stub = () => region() as unknown as DurableObjectStub;
const endsAt = Date.now() + 3_600_000;

function revocation(id: string, target: object): NewEvent {
  return { id, type: "revocation", data: { ...target, endsAt, by: "test", since: 0 } };
}

async function publish(...events: readonly NewEvent[]): Promise<void> {
  for (let first = 0; first < events.length; first += 100) {
    await log().publish({ v: 1, events: events.slice(first, first + 100), ack: "none", timeoutMs: 0 });
  }
}

async function cursorOfLog(): Promise<Cursor> {
  const { epoch, head } = await log().status();
  return { epoch, seq: head };
}

/** Of somebody who knows of everything in the Log. */
async function verdictOn(names: Partial<TokenNames>): Promise<string> {
  const cursor = await cursorOfLog();
  const answer = await region().revoked({
    v: 1,
    cursor,
    names: { issuer: "i", subject: "ada", issuedFrom: 0, ...names },
  });
  if (answer.kind !== "not_current") expect(answer.through).toEqual(cursor);
  return answer.kind;
}

afterEach(async () => reset());

describe("a Region in the runtime", () => {
  test("T3 T6 says what it is asked about by all that is in the Log, without having been told of it before", async () => {
    expect(await verdictOn({ jti: "j1" })).toBe("clear");
    await publish(revocation("r1", { jti: "j1" }), revocation("r2", { subject: "bob", issuedBefore: 1_000 }));
    expect(await verdictOn({ jti: "j1" })).toBe("revoked");
    expect(await verdictOn({ subject: "bob", issuedFrom: 1_000 })).toBe("revoked");
    expect(await verdictOn({ subject: "bob", issuedFrom: null })).toBe("revoked");
    expect(await verdictOn({ subject: "bob", issuedFrom: 1_001 })).toBe("clear");
    await publish({ id: "l1", type: "revocation_lifted", data: { id: "r1" } });
    expect(await verdictOn({ jti: "j1" })).toBe("clear");
  });

  test("keeps revocations over kills, and over the trimming of its events", async () => {
    await publish(revocation("r1", { jti: "j1" }));
    for (let round = 0; round < 30; round += 1) {
      const notes = Array.from({ length: 100 }, (_, index): NewEvent => ({
        id: `n${round}-${index}`,
        type: "note",
        data: 0,
      }));
      await publish(...notes);
    }
    const answer = await region().view({ v: 1, cursor: null });
    if (answer.kind !== "view") throw new Error("expected a view");
    // It is not among the events that a new isolate gets, but in the filter that comes with them.
    expect(answer.page.reset?.floor).toBeGreaterThan(1);
    const filter = answer.filter === undefined ? null : KeyFilter.of(answer.filter);
    expect(filter?.mayHave(keyOfTarget({ jti: "j1" }))).toBe(true);
    expect(filter?.mayHave(keyOfTarget({ jti: "j2" }))).toBe(false);
    for (const kill of [() => evictDurableObject(stub()), abortAllDurableObjects]) {
      await kill();
      expect(await verdictOn({ jti: "j1" })).toBe("revoked");
    }
  });

  test("keeps revocations when the Log begins another epoch: they only refuse", async () => {
    await publish(revocation("r1", { jti: "j1" }));
    expect(await verdictOn({ jti: "j1" })).toBe("revoked");
    const { epoch } = await log().status();
    await runInDurableObject(log() as unknown as DurableObjectStub, async (_instance, state) => {
      await state.storage.deleteAll();
    });
    await abortAllDurableObjects();
    expect((await log().status()).epoch).not.toBe(epoch);
    expect(await verdictOn({ jti: "j1" })).toBe("revoked");
    await publish({ id: "l1", type: "revocation_lifted", data: { id: "r1" } });
    expect(await verdictOn({ jti: "j1" })).toBe("clear");
  });

  test("tells of each and of all, a page at a time", async () => {
    await publish(...["c", "a", "b"].map((id) => revocation(id, { jti: id })));
    const cursor = await cursorOfLog();
    const first = await region().revocations({ v: 1, cursor, after: "", limit: 2 });
    expect(first).toMatchObject({ kind: "page", isLast: false, items: [{ id: "a" }, { id: "b" }] });
    const second = await region().revocations({ v: 1, cursor, after: "b", limit: 2 });
    expect(second).toMatchObject({ kind: "page", isLast: true, items: [{ id: "c", data: { jti: "c" } }] });
    expect(await region().revocation({ v: 1, cursor, id: "b" })).toMatchObject({ kind: "found" });
    expect(await region().revocation({ v: 1, cursor, id: "d" })).toEqual({ v: 1, kind: "unknown" });
  });

  test("forgets what has ended", async () => {
    await publish({ ...revocation("r1", {}), data: { jti: "j1", endsAt: 1_000, by: "test", since: 0 } });
    await publish(revocation("r2", { jti: "j2" }));
    await verdictOn({});
    await region().view({ v: 1, cursor: null });
    const rows = await runInDurableObject(stub(), (_instance, state) =>
      state.storage.sql.exec<{ id: string }>("SELECT id FROM revocations").toArray(),
    );
    expect(rows).toEqual([{ id: "r2" }]);
  });

  const count = isLongRun ? 1_000_000 : 100_000;
  test(
    `T6 of ${count} revocations it gives a filter of at most 2 MB, and finds each`,
    { timeout: 300_000 },
    async () => {
      await publish(revocation("r0", { jti: "j0" }));
      expect(await verdictOn({ jti: "j0" })).toBe("revoked");
      const began = Date.now();
      await fill(count);
      const filled = Date.now();
      const cursor = await cursorOfLog();
      const load = () => region().revocationFilter({ v: 1, cursor });
      const first = await load();
      const built = Date.now();
      const second = await load();
      const loaded = Date.now();
      if (first.kind !== "filter" || second.kind !== "filter") throw new Error("expected a filter");
      for (let ask = 0; ask < 100; ask += 1)
        expect(await verdictOn({ jti: `filled-${(ask * 7_919) % count}` })).toBe("revoked");
      const asked = Date.now();
      const { bytes } = second.filter;
      const mebibytes = await runInDurableObject(
        stub(),
        (_instance, state) => state.storage.sql.databaseSize / 2 ** 20,
      );
      console.info(
        `${count} revocations: stored in ${filled - began} ms (${Math.round(mebibytes)} MiB), filter of ${bytes.length} bytes ` +
          `made and loaded in ${built - filled} ms, loaded again in ${loaded - built} ms, an ask and a status ${(asked - loaded) / 100} ms`,
      );
      expect(bytes.length).toBeLessThanOrEqual(2_000_000);
      const filter = KeyFilter.of(second.filter);
      for (let index = 0; index < count; index += 97) {
        expect(filter?.mayHave(keyOfTarget({ jti: `filled-${index}` }))).toBe(true);
      }
    },
  );
});

/** Right into the table: the way through the Log is others' test. The object begins anew, and knows of nothing. */
async function fill(count: number): Promise<void> {
  await runInDurableObject(stub(), (_instance, state) => {
    const table = new SqlRevocations(state.storage.sql);
    state.storage.transactionSync(() => {
      for (let index = 0; index < count; index += 1) {
        const data = { jti: `filled-${index}`, issuer: "i", endsAt, by: "test", since: 0 };
        table.save({ id: `filled-${index}`, key: keyOfTarget(data), data });
      }
    });
  });
  await evictDurableObject(stub());
}
