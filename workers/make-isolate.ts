/** Puts an isolate's parts together, once, at its first request: only then is it known where it runs. */
import {
  accountsStub,
  keyringStub,
  keySetsStub,
  limiterShardStubs,
  limiterStub,
  logStub,
  regionStub,
} from "../durable-objects/stubs.ts";
import { ApiKeys } from "./account/api-keys.ts";
import { Publisher } from "./broadcast/publisher.ts";
import { Cache } from "./cache/cache.ts";
import { readLocal } from "./config/local.ts";
import type { Mesh } from "./config/mesh.ts";
import type { Isolate } from "./isolate.ts";
import { costCap } from "./limit/cost-cap.ts";
import { DenyTable } from "./limit/deny-table.ts";
import { brakeOnFreshKeys } from "./limit/fresh-keys.ts";
import { LimiterCalls } from "./limit/limiter-calls.ts";
import { LimitDesk } from "./limit/limit-desk.ts";
import { MeshRules } from "./limit/mesh-rules.ts";
import { PartitionKeys } from "./limit/partition-keys.ts";
import { PermitDesk } from "./limit/permit-desk.ts";
import { RevocationDesk } from "./token/revocation-desk.ts";
import { Assertions } from "./token/assertions.ts";
import { OwnSigner } from "./token/own-signer.ts";
import { RefusedLog } from "./token/refused-log.ts";
import { Signing } from "./token/signing.ts";
import { Tokens } from "./token/tokens.ts";
import { nearestFirst, regionOfColo } from "./view/place.ts";
import { RevocationChecks } from "./view/revocation-checks.ts";
import { View } from "./view/view.ts";

let isolate: Isolate | null = null;

export function isolateFor(mesh: Mesh, request: Request, env: Env): Isolate {
  isolate ??= makeIsolate(mesh, request, env);
  return isolate;
}

function makeIsolate(mesh: Mesh, request: Request, env: Env): Isolate {
  const { environment } = mesh;
  const local = readLocal((env as { readonly MESH_LOCAL?: string }).MESH_LOCAL);
  const region = local?.region ?? regionOfColo(textOf(request.cf?.colo), textOf(request.cf?.continent), mesh.regions);
  const regions = nearestFirst(region, mesh.regions);
  const view = new View({
    ask: (asked, question) => regionStub(env, environment, asked).view(question),
    regions,
  });
  const checks = new RevocationChecks({ view, region: (asked) => regionStub(env, environment, asked), regions });
  const keyring = () => keyringStub(env, environment);
  const current = (context: Pick<ExecutionContext, "waitUntil">) => view.current(context);
  const rules = new MeshRules(mesh.limits, view);
  const limiter = (limit: string, budget: string) => limiterStub(env, environment, limit, budget);
  const isAllShadow = local?.limits === "shadow";
  const cap = mesh.costCap === null ? {} : { affords: costCap({ ...mesh.costCap, limiter }) };
  return {
    mesh,
    local,
    region,
    env,
    view,
    tokens: new Tokens({
      mesh,
      view,
      revocations: checks,
      keyring,
      keySets: (issuer) => keySetsStub(env, environment, issuer),
      sharedSecrets: sharedSecretsOf(mesh, env),
      onRefused: new RefusedLog().tell,
    }),
    assertions: new Assertions((asked) => keyring().sign(asked)),
    signing: new Signing(() => keyring().ready()),
    signer: new OwnSigner({ issuer: mesh.tokens.issuer, keyring, current, revocations: checks }),
    revocations: new RevocationDesk({ mesh, revocations: checks }),
    apiKeys: new ApiKeys({
      issuer: mesh.tokens.issuer,
      accountsOf: (name) => accountsStub(env, environment, name),
      current,
      revocations: checks,
    }),
    limits: new LimitDesk({
      rules,
      limiter,
      isAllShadow,
      denials: (seed) => new DenyTable(seed),
      brake: brakeOnFreshKeys(),
      ...cap,
    }),
    permits: new PermitDesk({ rules, limiter, isAllShadow, brake: brakeOnFreshKeys(), ...cap }),
    partitionKeys: new PartitionKeys({ secret: env.MESH_KEY_SECRET, environment }),
    limiterCalls: new LimiterCalls({
      limiter,
      hear: (limit, version) => rules.hear(limit, version),
      shards: (limit) => limiterShardStubs(env, environment, limit),
    }),
    cache: new Cache({ region, environment, configVersion: mesh.version }),
    publisher: new Publisher(() => logStub(env, environment)),
  };
}

/** The door has refused to serve without the first. */
function sharedSecretsOf({ tokens }: Mesh, env: object): readonly string[] {
  if (tokens.sharedSecret === null) return [];
  const values = env as Readonly<Record<string, unknown>>;
  const found = [values[tokens.sharedSecret], values[`${tokens.sharedSecret}_PREVIOUS`]];
  return found.filter((secret): secret is string => typeof secret === "string" && secret !== "");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
