/** T6 U1 while a deploy mixes versions: a Region whose code knows nothing of a call that the edge makes of it. */
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Cursor } from "../../durable-objects/log/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { RegionContract } from "../../durable-objects/region/contract.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { KeyFilter } from "../../durable-objects/revocations/key-filter.ts";
import { RevocationDesk } from "../../workers/token/revocation-desk.ts";
import { RevocationChecks } from "../../workers/view/revocation-checks.ts";
import { Revocations } from "../../workers/view/revocations.ts";

type RegionStub = Pick<RegionContract, "revoked" | "revocationFilter">;

const cursor: Cursor = { epoch: "e1", seq: 0 };
const names: TokenNames = { issuer: "i", subject: "ada", jti: "j", issuedFrom: 0 };

/** As the runtime answers: a stub has every method, and the call of one that the object lacks is rejected. */
const unknownCall = (method: string) => () =>
  Promise.reject(new TypeError(`The RPC receiver does not implement the method "${method}".`));
const old: RegionStub = { revoked: unknownCall("revoked"), revocationFilter: unknownCall("revocationFilter") };
/** As an object in the edge's own process would be. */
const bare = {} as RegionStub;
const current: RegionStub = {
  revoked: () => Promise.resolve({ v: 1, kind: "clear", through: cursor }),
  revocationFilter: () =>
    Promise.resolve({ v: 1, kind: "filter", through: cursor, filter: KeyFilter.forKeys(0).data() }),
};

class Edge {
  readonly stubs = new Map<RegionName, RegionStub>();
  readonly revocations = new Revocations();
  readonly work: Promise<unknown>[] = [];
  readonly checks: RevocationChecks;
  now = 1_795_000_000_000;

  constructor(...stubs: readonly RegionStub[]) {
    const regions = (["weur", "enam", "apac"] as const).slice(0, stubs.length);
    for (const [index, region] of regions.entries()) this.stubs.set(region, stubs[index] ?? bare);
    const { revocations } = this;
    revocations.reset(0);
    const view = {
      cursor,
      revocations,
      takeFilter: (through: Cursor, filter: Parameters<Revocations["takeFilter"]>[1]) =>
        revocations.takeFilter(through.seq, filter),
    };
    const region = (name: RegionName) => this.stubs.get(name) ?? bare;
    this.checks = new RevocationChecks({ view, region, regions, clock: () => this.now });
  }

  /** What is found of the token, once all that runs beside it has ended. */
  async check(): Promise<string> {
    const found = await this.checks.check(names, { waitUntil: (work) => void this.work.push(work) });
    await Promise.all(this.work.splice(0));
    return found === null ? "nobody could say" : found.kind;
  }
}

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});

describe.each([
  ["rejects the call as unknown", old],
  ["has no such method at all", bare],
])("a Region that %s", (_what, stub) => {
  test("T6 is taken for one that cannot be reached: no verdict, never an acceptance", async () => {
    expect(await new Edge(stub, stub).check()).toBe("nobody could say");
  });

  test("is passed by where another one knows the call", async () => {
    expect(await new Edge(stub, current).check()).toBe("clear");
  });

  test("is asked again at the next token, and with its new code all is well, the filter too", async () => {
    const edge = new Edge(stub);
    expect(await edge.check()).toBe("nobody could say");
    edge.stubs.set("weur", current);
    expect(await edge.check()).toBe("clear");
    expect(edge.revocations.wantsFilter).toBe(true);
    edge.now += 1_000;
    await edge.check();
    expect(edge.revocations.wantsFilter).toBe(false);
  });

  test("leaves a login without a token: nobody can say that it was not revoked", async () => {
    const { checks } = new Edge(stub);
    const mesh = { tokens: { issuer: "i", ttlSeconds: 900, algorithm: "ES256" } as never, issuers: new Map() };
    const desk = new RevocationDesk({ mesh, revocations: checks });
    const named = { subject: "ada", client: null, tenant: null, family: null };
    expect(await desk.ownRevokedUntil(named, 0)).toBe("unknown");
  });
});
