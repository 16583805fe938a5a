/** A verifier with a view, a keyring and an outside issuer's key sets in memory, each counted, and failing as told. */
import type { KeysData, PublicKey } from "../../durable-objects/keyring/contract.ts";
import type { KeySetsAnswer } from "../../durable-objects/key-sets/contract.ts";
import type { Issuer, Mesh } from "../../workers/config/mesh.ts";
import type { Verdict } from "../../workers/token/identity.ts";
import { Tokens } from "../../workers/token/tokens.ts";
import type { VerifiedTokensSize } from "../../workers/token/verified-tokens.ts";
import type { RevocationFilterAnswer, RevokedAnswer } from "../../durable-objects/region/contract.ts";
import { KeyFilter } from "../../durable-objects/revocations/key-filter.ts";
import { RevocationChecks } from "../../workers/view/revocation-checks.ts";
import { Revocations } from "../../workers/view/revocations.ts";

export const startedAt = 1_795_000_000_000;
export const outside = "https://id.example.com";
export const own = "https://mesh.example.com";
export const audience = "inventory";

export function issuerOf(more: Partial<Issuer> = {}): Issuer {
  return {
    issuer: outside,
    source: { issuer: outside, jwksUri: null, ttlMs: 600_000, cooldownMs: 30_000 },
    audience: [audience],
    algorithms: ["ES256"],
    types: ["at+jwt", "jwt"],
    requiredClaims: [],
    maxLifetimeSeconds: 3_600,
    toleranceSeconds: 5,
    claims: { tenant: "tenant", roles: "roles", client: "client_id" },
    ...more,
  };
}

export class TokenWire {
  now = startedAt;
  isCurrent = true;
  /** While set, the view's lease has run out, and a pull that does this makes it current again. */
  renewal: (() => void) | null = null;
  epoch = "e1";
  readonly viewKeys = new Map<string, KeysData>();
  /** What the objects have, by issuer; absent means that they are down. */
  readonly objectKeys = new Map<string, KeysData>();
  /** While set, calls to objects wait for it. */
  held: Promise<void> | null = null;
  objectFails = false;
  /** What the isolate knows of revocations: that there are none, until it is told. */
  readonly revocations = new Revocations();
  /** What the Region says of a token that it is asked about. */
  revokedAnswer: () => Promise<RevokedAnswer> = () => Promise.resolve({ v: 1, kind: "not_current" });
  /** Why tokens of configured issuers were refused. */
  readonly told: { readonly issuer: string; readonly reason: string }[] = [];
  readonly calls: { readonly issuer: string; readonly missing: string | null }[] = [];
  readonly tokens: Tokens;
  readonly context = { waitUntil: (work: Promise<unknown>) => void this.work.push(work) };
  readonly work: Promise<unknown>[] = [];

  constructor(issuers: readonly Issuer[] = [issuerOf()], cacheSize?: VerifiedTokensSize) {
    const mesh: Pick<Mesh, "tokens" | "issuers"> = {
      tokens: {
        issuer: own,
        audience,
        algorithm: "ES256",
        sharedSecret: null,
        ttlSeconds: 900,
        rotateAfterMs: null,
        refresh: null,
        cookie: "__Host-mesh",
        loginUrl: null,
        redirectUrl: null,
      },
      issuers: new Map(issuers.map((issuer) => [issuer.issuer, issuer])),
    };
    this.revocations.reset(0);
    this.revocations.takeFilter(0, KeyFilter.forKeys(0).data());
    this.tokens = new Tokens({
      mesh,
      view: this.#view(),
      revocations: this.#checks(),
      keyring: () => ({ keys: () => this.#ownKeys() }),
      onRefused: (issuer, reason) => void this.told.push({ issuer, reason }),
      keySets: () => ({ keys: ({ source, missing }) => this.#outsideKeys(source.issuer, missing) }),
      ...(cacheSize === undefined ? {} : { cacheSize }),
    });
  }

  /** The view hears of a set, as by an event. */
  publish(issuer: string, keys: readonly PublicKey[], fetchedAt = this.now): KeysData {
    const data = { issuer, keys, fetchedAt };
    this.viewKeys.set(issuer, data);
    this.objectKeys.set(issuer, data);
    return data;
  }

  /** The object has a set that the view has not heard of. */
  fetch(issuer: string, keys: readonly PublicKey[], fetchedAt = this.now): KeysData {
    const data = { issuer, keys, fetchedAt };
    this.objectKeys.set(issuer, data);
    return data;
  }

  async verify(token: string): Promise<Verdict> {
    return this.tokens.verify(token, this.context, this.now);
  }

  /** `accepted`, or why not. */
  async outcome(token: string): Promise<string> {
    const verdict = await this.verify(token);
    return verdict.kind === "accepted" ? "accepted" : (verdict.reason ?? verdict.code);
  }

  #checks(): RevocationChecks {
    const { revocations } = this;
    const currentEpoch = () => this.epoch;
    const view = {
      get cursor() {
        return { epoch: currentEpoch(), seq: 0 };
      },
      revocations,
      takeFilter: () => undefined,
    };
    const notCurrent: RevocationFilterAnswer = { v: 1, kind: "not_current" };
    const region = () => ({ revoked: () => this.revokedAnswer(), revocationFilter: () => Promise.resolve(notCurrent) });
    return new RevocationChecks({ view, region, regions: ["weur"], clock: () => this.now });
  }

  #view() {
    const currentEpoch = () => this.epoch;
    return {
      get cursor() {
        return { epoch: currentEpoch() };
      },
      keysOf: (issuer: string) => this.viewKeys.get(issuer),
      current: () => (this.isCurrent && this.renewal === null ? (true as const) : this.#renewed()),
    };
  }

  async #renewed(): Promise<boolean> {
    await Promise.resolve();
    this.renewal?.();
    return this.isCurrent;
  }

  async #ownKeys() {
    const data = await this.#answer(own, null);
    if (data === undefined) return { v: 1, kind: "refused", reason: "key_secret_missing" } as const;
    return { v: 1, kind: "keys", ...data } as const;
  }

  async #outsideKeys(issuer: string, missing: string | null): Promise<KeySetsAnswer> {
    const data = await this.#answer(issuer, missing);
    return data === undefined ? { v: 1, kind: "unavailable", retryAfterMs: 2_000 } : { v: 1, kind: "keys", ...data };
  }

  async #answer(issuer: string, missing: string | null): Promise<KeysData | undefined> {
    this.calls.push({ issuer, missing });
    if (this.held !== null) await this.held;
    if (this.objectFails) throw new Error("the object is gone");
    return this.objectKeys.get(issuer);
  }
}
