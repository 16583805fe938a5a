/**
 * What the mesh tells a service about who is asking: a short-lived token for that service alone, signed with keys that
 * open nothing in the mesh (`/.well-known/assertions.json`). Kept beside the identity that it speaks of, and ends with it.
 */
import type { SignAnswer, SignRequest } from "../../durable-objects/keyring/contract.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";
import type { Identity } from "./identity.ts";

interface Kept {
  readonly token: string;
  /** ms since 1970: from then on another one is made. */
  readonly until: number;
}

/** Long enough for a service's clock to be off by some seconds; a stolen one is worth no longer. */
const ttlSeconds = 60;
const usedMs = 40_000;
const callMs = 2_000;
const type = "assertion+jwt";

export class Assertions {
  readonly #sign: (request: SignRequest) => Promise<SignAnswer>;
  readonly #clock: () => number;
  readonly #ofIdentity = new WeakMap<Identity, Map<string, Kept>>();
  readonly #ofNobody = new Map<string, Kept>();

  /** `sign` asks a fresh stub at each call. */
  constructor(sign: (request: SignRequest) => Promise<SignAnswer>, clock: () => number = Date.now) {
    this.#sign = sign;
    this.#clock = clock;
  }

  /** Null when the Keyring cannot be asked. Two requests at once may both have one made. */
  of(service: string, identity: Identity | null): string | Promise<string | null> {
    const kept = this.#keptOf(identity).get(service);
    const now = this.#clock();
    if (kept !== undefined && now < kept.until && kept.until - now <= usedMs) return kept.token;
    return this.#make(service, identity, now);
  }

  async #make(service: string, identity: Identity | null, now: number): Promise<string | null> {
    const request: SignRequest = { v: 1, type, purpose: "assertion", claims: claimsOf(service, identity), ttlSeconds };
    try {
      const ended = await inTime(this.#sign(request), callMs);
      if (ended.kind !== "answered" || ended.answer.kind !== "signed") return null;
      const { token } = ended.answer;
      this.#keptOf(identity).set(service, { token, until: now + usedMs });
      return token;
    } catch (error) {
      console.warn({ event: "assertion_not_made", error: error instanceof Error ? error.message : "unknown" });
      return null;
    }
  }

  #keptOf(identity: Identity | null): Map<string, Kept> {
    if (identity === null) return this.#ofNobody;
    const kept = this.#ofIdentity.get(identity) ?? new Map<string, Kept>();
    this.#ofIdentity.set(identity, kept);
    return kept;
  }
}

/** `sub` is the subject within `sub_iss`: names of two issuers may be alike. Without both, nobody is asking. */
function claimsOf(service: string, identity: Identity | null): Readonly<Record<string, unknown>> {
  if (identity === null) return { aud: service };
  const { issuer, subject, client, tenant, roles, scopes } = identity;
  return {
    aud: service,
    sub: subject,
    sub_iss: issuer,
    ...(client === null ? {} : { client_id: client }),
    ...(tenant === null ? {} : { tenant }),
    roles,
    scope: scopes.join(" "),
  };
}
