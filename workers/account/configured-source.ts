/** Which of the sources of accounts the configuration names. */
import { accountsStub } from "../../durable-objects/stubs.ts";
import type { Service } from "../config/mesh.ts";
import { originOf } from "../gate/origin.ts";
import { proofField } from "../gate/request-head.ts";
import type { Isolate } from "../isolate.ts";
import type { AccountsOf, AccountSource } from "./account-source.ts";
import { MeshAccounts } from "./mesh-accounts.ts";
import { ServiceAccounts, type ServiceAccountsParts } from "./service-accounts.ts";

/** Made for each login: a stub belongs to one request. */
export function accountSourceOf(isolate: Pick<Isolate, "env" | "mesh" | "local" | "assertions">): AccountSource {
  const { env, mesh, local } = isolate;
  const accountsOf: AccountsOf = (name) => accountsStub(env, mesh.environment, name);
  const { service: login, rounds } = mesh.accounts;
  if (login === null) return new MeshAccounts({ accountsOf, rounds });
  return new ServiceAccounts({
    accountsOf,
    login,
    origin: () => originOf(login.service, local),
    prove: () => proofFor(isolate, login.service),
    fetch: (url, init) => fetch(url, init),
  });
}

/** As the gate proves itself, for nobody: who it is shall be found out. */
async function proofFor(
  { env, assertions }: Pick<Isolate, "env" | "assertions">,
  { name, proof }: Service,
): ReturnType<ServiceAccountsParts["prove"]> {
  if (proof.kind !== "header") {
    if (proof.kind === "none") return null;
    const assertion = await assertions.of(name, null);
    return assertion === null ? "unproved" : [proofField, assertion];
  }
  const secret = (env as unknown as Readonly<Record<string, unknown>>)[proof.secret];
  if (typeof secret !== "string") throw new Error(`cannot prove the mesh to the service: expected ${proof.secret}`);
  return [proof.header, secret];
}
