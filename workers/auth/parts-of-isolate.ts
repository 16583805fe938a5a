/** The auth paths' parts, made of an isolate for one request: stubs belong to it. */
import { grantsStub } from "../../durable-objects/stubs.ts";
import { accountLogin, readAccount } from "../account/account-login.ts";
import type { AccountFacts } from "../../durable-objects/accounts/contract.ts";
import type { Isolate } from "../isolate.ts";
import { clientLogin, readClient } from "../login/client-login.ts";
import { adminFacts } from "../token/admin-client.ts";
import { MeshKey } from "./mesh-key.ts";
import type { AuthParts, Client, Person } from "./parts.ts";

/** Whoever shows that a secret has leaked waits until the tokens that came of it are dead, ms. */
const tellMs = 2_000;
/** Deriving a key takes longer than using it. */
let key: MeshKey | null = null;

export function authPartsOf(isolate: Isolate, context: Pick<ExecutionContext, "waitUntil">): AuthParts {
  const { env, mesh } = isolate;
  key ??= new MeshKey(env, "grants");
  return {
    settings: mesh.tokens,
    services: mesh.services,
    people: {
      login: async (name, password, from) => {
        const login = await accountLogin(isolate, from, name, password);
        return login.kind === "right" ? { kind: "right", who: personOf(login.facts) } : login;
      },
      read: async (name) => {
        const read = await readAccount(isolate, name);
        return read.kind === "found" ? { kind: "found", who: personOf(read.facts) } : read;
      },
      clientLogin: async (credential, from) => {
        const login = await clientLogin(isolate, from, credential);
        return login.kind === "right" ? { kind: "right", who: clientOf(login.facts) } : login;
      },
      client: async (id) => {
        const read = await readClient(isolate, id);
        return read.kind === "found" ? { kind: "found", who: clientOf(read.facts) } : read;
      },
    },
    grants: (family) => grantsStub(env, mesh.environment, family),
    canSign: async () => (await isolate.signing.problem()) === null,
    sign: (request) => isolate.signer.sign(request, context),
    key,
    revokedUntil: (named, issuedAt) => isolate.revocations.ownRevokedUntil(named, issuedAt),
    revokedSince: (named, at) => isolate.revocations.ownRevokedSince(named, at),
    tell: (events) => Promise.all(events.map((event) => isolate.publisher.publish(context, event, "regions", tellMs))),
    now: Date.now,
    wait: (ms) => scheduler.wait(ms),
  };
}

function personOf({ name, roles, tenant, claims, scopes, proofChangedAt }: AccountFacts): Person {
  return { name, roles, tenant, claims, scopes, proofChangedAt };
}

function clientOf(facts: AccountFacts): Client {
  const { name, scopes, resources, redirectUris, isPublic, proofChangedAt } = facts;
  return { id: name, scopes, resources, redirectUris, isPublic, isAdmin: facts === adminFacts, proofChangedAt };
}
