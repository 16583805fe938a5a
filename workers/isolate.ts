/**
 * What one isolate keeps between requests. All of it may be lost, and expires harmlessly; nothing of it decides alone.
 * Made at the isolate's first request, because only then is it known where the isolate is.
 */
import type { RegionName } from "../durable-objects/names.ts";
import type { Mesh } from "./config/mesh.ts";
import type { Local } from "./config/local.ts";
import type { View } from "./view/view.ts";
import type { ApiKeys } from "./account/api-keys.ts";
import type { RevocationDesk } from "./token/revocation-desk.ts";
import type { Assertions } from "./token/assertions.ts";
import type { OwnSigner } from "./token/own-signer.ts";
import type { Signing } from "./token/signing.ts";
import type { Tokens } from "./token/tokens.ts";
import type { LimiterCalls } from "./limit/limiter-calls.ts";
import type { LimitDesk } from "./limit/limit-desk.ts";
import type { PartitionKeys } from "./limit/partition-keys.ts";
import type { PermitDesk } from "./limit/permit-desk.ts";
import type { Cache } from "./cache/cache.ts";
import type { Publisher } from "./broadcast/publisher.ts";

export interface Isolate {
  readonly mesh: Mesh;
  readonly local: Local | null;
  readonly region: RegionName;
  readonly env: Env;
  /** What this isolate believes about the mesh, and until when. */
  readonly view: View;
  readonly tokens: Tokens;
  /** What services are told of who is asking. */
  readonly assertions: Assertions;
  readonly signing: Signing;
  readonly signer: OwnSigner;
  /** For whoever issues tokens: what would be refused. */
  readonly revocations: RevocationDesk;
  readonly apiKeys: ApiKeys;
  readonly limits: LimitDesk;
  /** Limits of requests at once. */
  readonly permits: PermitDesk;
  /** How answers name budgets. */
  readonly partitionKeys: PartitionKeys;
  /** What is asked of limiters beside taking. */
  readonly limiterCalls: LimiterCalls;
  readonly cache: Cache;
  /** Events on their way to the Log, one call in flight. */
  readonly publisher: Publisher;
}
