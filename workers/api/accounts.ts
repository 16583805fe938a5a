/** /_mesh/v1/accounts: people. Their passwords are hashed here and are nowhere else. */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import type { AccountFacts, PutAccount } from "../../durable-objects/accounts/contract.ts";
import { accountShards } from "../../durable-objects/names.ts";
import { isSettingsTooLong } from "../account/account-bounds.ts";
import { passwordOf } from "../account/names.ts";
import { hashPassword, onlyProof } from "../account/password-hash.ts";
import { isBuiltIn } from "../token/admin-client.ts";
import { askAccounts, askShard, changeOf, conflictOf, decided } from "./account-asking.ts";
import {
  accountName,
  claims,
  expiresAt,
  pageQuery,
  password,
  putQuery,
  roles,
  scopes,
  tenant,
  tokenPartExpected,
  truth,
} from "./account-fields.ts";
import { requireScope } from "./authorize.ts";
import { checked, readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { ackedByRegions, noQuery } from "./fields.ts";
import { refused } from "./refused.ts";
import { pageOfShards } from "./shard-pages.ts";
import { unsaidIn } from "./unsaid-settings.ts";

const accountBody = v.pipe(
  v.strictObject({
    password: v.optional(password),
    roles: v.optional(roles),
    tenant: v.optional(tenant),
    claims: v.optional(claims),
    scopes: v.optional(scopes),
    disabled: v.optional(truth),
    expiresAt: v.optional(expiresAt),
  }),
  v.check((body) => !isSettingsTooLong(tokenPartOf(body)), tokenPartExpected),
);
const path = v.strictObject({ name: accountName });
const mayDo = requireScope("mesh:admin");

export function accounts(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.get("/", mayDo, async (c) => {
    const { limit, cursor } = readQuery(c.req.url, v.strictObject(pageQuery));
    const { items, ...rest } = await pageOfShards(
      {
        count: accountShards,
        list: (shard, after, most) =>
          askShard(c, shard, (object) => object.list({ v: 1, kind: "account", after, limit: most })),
        placeOf: (facts: AccountFacts) => facts.name,
      },
      limit,
      cursor,
    );
    return c.json({ accounts: items.map(shown), ...rest });
  });

  api.get("/:name", mayDo, async (c) => {
    readQuery(c.req.url, noQuery);
    const name = nameIn(c);
    const asked = { v: 1, kind: "account", name, evenUnusable: true } as const;
    const found = await askAccounts(c, name, (object) => object.facts(asked));
    if (found.kind === "missing") throw noAccount();
    return c.json(shown(found.facts));
  });

  api.put("/:name", mayDo, (c) => putAccount(c));

  api.delete("/:name", mayDo, async (c) => {
    const how = readQuery(c.req.url, ackedByRegions);
    const name = nameIn(c);
    const removal = { v: 1, kind: "account", name, ...changeOf(c) } as const;
    const answer = await askAccounts(c, name, (object) => object.remove(removal));
    if (answer.kind === "missing") throw noAccount();
    return decided(c, { name }, answer.events, how);
  });

  return api;
}

async function putAccount(c: Context<ApiEnv>): Promise<Response> {
  const { ifVersion, ...how } = readQuery(c.req.url, putQuery);
  const body = await readBody(c.req.raw, accountBody);
  const name = nameIn(c);
  if (isBuiltIn(name)) throw refused("conflict", `name: expected another one: ${name} stands for the mesh itself`);
  if (c.var.isolate.mesh.accounts.service !== null) {
    throw refused("conflict", "accounts are a service's in this configuration: make and change them there");
  }
  const proof = body.password === undefined ? undefined : await proofFor(c, name, body.password);
  const request: PutAccount = {
    v: 1,
    facts: {
      kind: "account",
      name,
      ...tokenPartOf(body),
      resources: [],
      redirectUris: [],
      isPublic: false,
      isDisabled: body.disabled ?? false,
      expiresAt: body.expiresAt ?? null,
    },
    unsaid: unsaidIn(body),
    ...(proof === undefined ? {} : { proof }),
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...changeOf(c),
  };
  const answer = await askAccounts(c, name, (object) => object.put(request));
  if (answer.kind === "conflict") throw conflictOf(answer);
  return decided(c, { ...shown(answer.facts), created: answer.isNew }, answer.events, how);
}

function tokenPartOf(body: {
  readonly roles?: readonly string[] | undefined;
  readonly tenant?: string | null | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  readonly scopes?: readonly string[] | undefined;
}): Pick<AccountFacts, "roles" | "tenant" | "claims" | "scopes"> {
  const { roles: held = [], tenant: of = null, claims: further = {}, scopes: may = [] } = body;
  return { roles: held, tenant: of, claims: further, scopes: may };
}

/** Hashed twice where the account has a password: a repeated PUT with the same one changes nothing. */
async function proofFor(c: Context<ApiEnv>, name: string, typed: string): Promise<NonNullable<PutAccount["proof"]>> {
  const bytes = passwordOf(typed);
  if (bytes === null) throw new Error("cannot hash a password: expected one that was checked");
  const { salt, iterations, rounds } = await askAccounts(c, name, (object) =>
    object.passwordParameters({ v: 1, name }),
  );
  const wanted = c.var.isolate.mesh.accounts.rounds;
  const unchangedIf = await onlyProof(bytes, { salt, iterations, rounds });
  return { ...(await hashPassword(bytes, wanted)), unchangedIf };
}

function nameIn(c: Context<ApiEnv>): string {
  return checked(path, { name: c.req.param("name") }).name;
}

function shown(facts: AccountFacts) {
  const { name, roles: held, tenant: of, claims: further, scopes: may, version } = facts;
  return {
    name,
    roles: held,
    tenant: of,
    claims: further,
    scopes: may,
    disabled: facts.isDisabled,
    expiresAt: facts.expiresAt === null ? null : new Date(facts.expiresAt).toISOString(),
    createdAt: new Date(facts.createdAt).toISOString(),
    changedAt: new Date(facts.changedAt).toISOString(),
    passwordChangedAt: new Date(facts.proofChangedAt).toISOString(),
    version,
  };
}

function noAccount(): Error {
  return refused("not_found", "there is no account of this name");
}
