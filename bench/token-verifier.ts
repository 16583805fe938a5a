/**
 * The verifier as an isolate has it, with its view and its revocations; what a Region would answer is in memory. Counts
 * the tokens that were held against revocations: all that were not answered from the cache.
 */
import type { PublicKey } from "../durable-objects/keyring/contract.ts";
import type { Cursor, MeshEvent } from "../durable-objects/log/contract.ts";
import type { RegionName } from "../durable-objects/names.ts";
import type { ViewAnswer } from "../durable-objects/region/contract.ts";
import { KeyFilter } from "../durable-objects/revocations/key-filter.ts";
import { keyOfTarget } from "../durable-objects/revocations/naming.ts";
import { knownIssuer, noKeyring } from "../library/known-issuer.ts";
import type { Lifetime } from "../workers/token/issuer-keys.ts";
import { Tokens, type TokenRevocations } from "../workers/token/tokens.ts";
import { RevocationChecks } from "../workers/view/revocation-checks.ts";
import { View } from "../workers/view/view.ts";
import { audience, issuer } from "./token-issuer.ts";

export interface Verifier {
  readonly tokens: Tokens;
  /** Verifications so far. */
  readonly verified: () => number;
  /** Makes the view current where it is not: a token that is known needs one. */
  readonly renew: (context: Lifetime) => Promise<boolean>;
}

/** Of all revocations, those that came since the isolate began: it holds these exactly. */
const heardShare = 0.1;
const regions: readonly RegionName[] = ["weur"];
const epoch = "bench";

/** `revocations`: of so many other tokens. */
export function makeVerifier(publicKey: PublicKey, revocations: number): Verifier {
  const events = Array.from({ length: revocations }, (_, index) => revocationOf(index + 1));
  const head = { epoch, seq: revocations };
  const first = firstAnswer(publicKey, events);
  const view = new View({ ask: async (_region, { cursor }) => (cursor === null ? first : nothingNew(head)), regions });
  const checks = new RevocationChecks({
    view,
    // Asked about the few that the filter takes for revoked.
    region: () => ({
      revoked: async () => ({ v: 1, kind: "clear", through: head }),
      revocationFilter: async () => ({ v: 1, kind: "not_current" }),
    }),
    regions,
  });
  let verified = 0;
  const counted: TokenRevocations = {
    get revision() {
      return checks.revision;
    },
    get liftedRevision() {
      return checks.liftedRevision;
    },
    since: (names, revision) => checks.since(names, revision),
    check(names, context) {
      verified += 1;
      return checks.check(names, context);
    },
  };
  const tokens = new Tokens({
    mesh: knownIssuer({ issuer, audience, algorithms: ["ES256"] }),
    view,
    revocations: counted,
    keyring: () => noKeyring,
    keySets: () => ({ keys: async () => ({ v: 1, kind: "unavailable", retryAfterMs: 5_000 }) }),
  });
  return { tokens, verified: () => verified, renew: async (context) => view.current(context) };
}

/** The key stands; of the revocations the older ones are in the filter alone. */
function firstAnswer(publicKey: PublicKey, events: readonly MeshEvent[]): ViewAnswer {
  const filter = KeyFilter.forKeys(events.length);
  for (const { data } of events) filter.add(keyOfTarget(data as { readonly jti: string }));
  const to = events.length;
  const floor = to - Math.floor(to * heardShare);
  const keys = { issuer, keys: [publicKey], fetchedAt: Date.now() };
  const retained: readonly MeshEvent[] = [{ v: 1, id: "keys", seq: 0, at: Date.now(), type: "keys", data: keys }];
  const reset = { floor, retained };
  const page = { v: 1, epoch, after: floor, to, head: to, events: events.slice(floor), reset } as const;
  return { v: 1, kind: "view", leaseMs: 1_000, page, filter: filter.data() };
}

function nothingNew({ seq }: Cursor): ViewAnswer {
  return { v: 1, kind: "view", leaseMs: 1_000, page: { v: 1, epoch, after: seq, to: seq, head: seq, events: [] } };
}

function revocationOf(seq: number): MeshEvent {
  const now = Date.now();
  const data = { issuer, jti: crypto.randomUUID(), endsAt: now + 3_600_000, by: "bench", since: now };
  return { v: 1, id: `revocation-${seq}`, seq, at: now, type: "revocation", data };
}
