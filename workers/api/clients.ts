/** /_mesh/v1/clients: programs. Their secrets are made by the mesh, shown once, and kept as digests. */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import type { AccountChanged, AccountFacts, PutAccount } from "../../durable-objects/accounts/contract.ts";
import { accountShards } from "../../durable-objects/names.ts";
import { isSettingsTooLong, mostTokenBytes } from "../account/account-bounds.ts";
import { newSecret, proofOf } from "../account/proof.ts";
import { isBuiltIn } from "../token/admin-client.ts";
import { askAccounts, askShard, changeOf, conflictOf, decided } from "./account-asking.ts";
import { expiresAt, pageQuery, putQuery, redirectUris, resources, scopes, truth } from "./account-fields.ts";
import { requireScope } from "./authorize.ts";
import { checked, readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { ackedByRegions, name as clientName, noQuery, wholeNumber } from "./fields.ts";
import { refused } from "./refused.ts";
import { pageOfShards } from "./shard-pages.ts";
import { unsaidIn } from "./unsaid-settings.ts";

/** 31 days. */
const longestPreviousMs = 2_678_400_000;

const clientBody = v.pipe(
  v.strictObject({
    scopes: v.optional(scopes),
    resources: v.optional(resources),
    redirectUris: v.optional(redirectUris),
    public: v.optional(truth),
    disabled: v.optional(truth),
    expiresAt: v.optional(expiresAt),
  }),
  v.check(
    ({ scopes: may = [], resources: on = [] }) =>
      !isSettingsTooLong({ roles: on, scopes: may, tenant: null, claims: {} }),
    `expected scopes and resources of at most ${mostTokenBytes} bytes together as JSON: they go into tokens`,
  ),
);
const rotateBody = v.strictObject({ previousTtlMs: v.optional(wholeNumber(0, longestPreviousMs)) });
const path = v.strictObject({ id: clientName });
const mayDo = requireScope("mesh:admin");

export function clients(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.get("/", mayDo, async (c) => {
    const { limit, cursor } = readQuery(c.req.url, v.strictObject(pageQuery));
    const { items, ...rest } = await pageOfShards(
      {
        count: accountShards,
        list: (shard, after, most) =>
          askShard(c, shard, (object) => object.list({ v: 1, kind: "client", after, limit: most })),
        placeOf: (facts: AccountFacts) => facts.name,
      },
      limit,
      cursor,
    );
    return c.json({ clients: items.map(shown), ...rest });
  });

  api.get("/:id", mayDo, async (c) => {
    readQuery(c.req.url, noQuery);
    const name = idIn(c);
    const asked = { v: 1, kind: "client", name, evenUnusable: true } as const;
    const found = await askAccounts(c, name, (object) => object.facts(asked));
    if (found.kind === "missing") throw noClient();
    return c.json(shown(found.facts));
  });

  api.put("/:id", mayDo, (c) => putClient(c));

  api.post("/:id/rotate", mayDo, async (c) => {
    const how = readQuery(c.req.url, ackedByRegions);
    const { previousTtlMs } = await readBody(c.req.raw, rotateBody, "{}");
    const name = idIn(c);
    const secret = newSecret();
    const previousEndsAt = previousTtlMs === undefined ? null : Date.now() + previousTtlMs;
    const rotation = { v: 1, name, proof: await proofOf(secret), previousEndsAt, ...changeOf(c) } as const;
    const answer = await askAccounts(c, name, (object) => object.rotateSecret(rotation));
    if (answer.kind === "missing") throw noClient();
    if (answer.kind === "public") throw refused("conflict", "a public client has no secret");
    return decided(c, { ...shown(answer.facts), ...shownOnce(answer, secret) }, answer.events, how);
  });

  api.delete("/:id", mayDo, async (c) => {
    const how = readQuery(c.req.url, ackedByRegions);
    const name = idIn(c);
    const removal = { v: 1, kind: "client", name, ...changeOf(c) } as const;
    const answer = await askAccounts(c, name, (object) => object.remove(removal));
    if (answer.kind === "missing") throw noClient();
    return decided(c, { client: name }, answer.events, how);
  });

  return api;
}

async function putClient(c: Context<ApiEnv>): Promise<Response> {
  const { ifVersion, ...how } = readQuery(c.req.url, putQuery);
  const body = await readBody(c.req.raw, clientBody);
  const name = idIn(c);
  if (isBuiltIn(name)) throw refused("conflict", "the built-in client's secret and scopes are the deployment's");
  const secret = newSecret();
  const request: PutAccount = {
    v: 1,
    facts: {
      kind: "client",
      name,
      roles: [],
      tenant: null,
      claims: {},
      scopes: body.scopes ?? [],
      resources: body.resources ?? [],
      redirectUris: body.redirectUris ?? [],
      isPublic: body.public ?? false,
      isDisabled: body.disabled ?? false,
      expiresAt: body.expiresAt ?? null,
    },
    unsaid: unsaidIn(body),
    // Who has a secret keeps it: another one comes of a rotation only.
    proof: { proof: await proofOf(secret), parameters: null, onlyIfNone: true },
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...changeOf(c),
  };
  const answer = await askAccounts(c, name, (object) => object.put(request));
  if (answer.kind === "conflict") throw conflictOf(answer);
  const what = { ...shown(answer.facts), ...shownOnce(answer, secret), created: answer.isNew };
  return decided(c, what, answer.events, how);
}

/** A secret that was not taken was never a secret of this client. */
function shownOnce({ hasTakenProof }: AccountChanged, secret: string) {
  return hasTakenProof ? { secret } : {};
}

function idIn(c: Context<ApiEnv>): string {
  return checked(path, { id: c.req.param("id") }).id;
}

function shown(facts: AccountFacts) {
  const { name, scopes: may, resources: on, redirectUris: uris, version } = facts;
  return {
    client: name,
    scopes: may,
    resources: on,
    redirectUris: uris,
    public: facts.isPublic,
    disabled: facts.isDisabled,
    expiresAt: facts.expiresAt === null ? null : new Date(facts.expiresAt).toISOString(),
    createdAt: new Date(facts.createdAt).toISOString(),
    changedAt: new Date(facts.changedAt).toISOString(),
    version,
  };
}

function noClient(): Error {
  return refused("not_found", "there is no client of this id");
}
