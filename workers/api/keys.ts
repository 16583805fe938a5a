/**
 * /_mesh/v1/keys: API keys, shown once and kept as digests. `mesh:admin` makes them for anybody; `mesh:tokens` for
 * oneself, with no more than the asking token may do.
 */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import type { AccountFacts, ApiKeyFacts } from "../../durable-objects/accounts/contract.ts";
import { accountShards } from "../../durable-objects/names.ts";
import { isApiKeyId, newApiKey } from "../account/api-key-text.ts";
import { proofOf } from "../account/proof.ts";
import { askAccounts, askShard, changeOf, decided } from "./account-asking.ts";
import { accountName, expiresAt, pageQuery, roles, scopes } from "./account-fields.ts";
import { requireScope } from "./authorize.ts";
import { readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { ackedByRegions, text } from "./fields.ts";
import { refused } from "./refused.ts";
import { pageOfShards } from "./shard-pages.ts";

const keyBody = v.strictObject({
  label: v.optional(text(0, 128), ""),
  /** The name of an account or a client. */
  owner: v.optional(accountName),
  scopes: v.optional(v.nullable(scopes), null),
  roles: v.optional(v.nullable(roles), null),
  expiresAt: v.optional(expiresAt, null),
});
const listQuery = v.strictObject({ ...pageQuery, owner: v.optional(accountName) });
const mayDo = requireScope("mesh:admin", "mesh:tokens");

export function keys(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.get("/", mayDo, async (c) => {
    const { limit, cursor, owner } = readQuery(c.req.url, listQuery);
    const of = ownerFor(c, owner);
    const { items, ...rest } = await pageOfShards(
      {
        count: accountShards,
        list: (shard, after, most) =>
          askShard(c, shard, (object) => object.listKeys({ v: 1, owner: of, after, limit: most })),
        placeOf: (facts: ApiKeyFacts) => facts.id,
      },
      limit,
      cursor,
    );
    return c.json({ keys: items.map(shown), ...rest });
  });

  api.post("/", mayDo, (c) => createKey(c));

  api.delete("/:id", mayDo, async (c) => {
    const how = readQuery(c.req.url, ackedByRegions);
    const id = c.req.param("id");
    if (!isApiKeyId(id)) throw refused("malformed_request", "id: expected the 16 characters after slv_");
    if (!isAdmin(c)) await expectOwn(c, id);
    const answer = await askAccounts(c, id, (object) => object.removeKey({ v: 1, id, ...changeOf(c) }));
    if (answer.kind === "missing") throw noKey();
    return decided(c, { keyId: id }, answer.events, how);
  });

  return api;
}

async function createKey(c: Context<ApiEnv>): Promise<Response> {
  const how = readQuery(c.req.url, ackedByRegions);
  const body = await readBody(c.req.raw, keyBody, "{}");
  if (body.expiresAt !== null && body.expiresAt <= Date.now()) {
    throw refused("malformed_request", "expiresAt: expected an instant that is still to come");
  }
  const { kind, name, createdAt } = await findOwner(c, ownerFor(c, body.owner) ?? c.var.identity.subject);
  const { id, secret, text: apiKey } = newApiKey((length) => crypto.getRandomValues(new Uint8Array(length)));
  const { identity } = c.var;
  const creation = {
    v: 1,
    facts: {
      id,
      label: body.label,
      owner: { kind, name, since: createdAt },
      scopes: isAdmin(c) ? body.scopes : within("scopes", body.scopes, identity.scopes),
      roles: isAdmin(c) ? body.roles : within("roles", body.roles, identity.roles),
      expiresAt: body.expiresAt,
    },
    proof: await proofOf(secret),
    ...changeOf(c),
  } as const;
  const answer = await askAccounts(c, id, (object) => object.createKey(creation));
  if (answer.kind === "full") throw refused("conflict", "there is no room for another key of this owner");
  if (answer.kind === "conflict") throw refused("conflict", "the key's random id is in use: ask again");
  return decided(c, { ...shown(answer.facts), apiKey }, answer.events, how);
}

/** Whose keys: null for everybody's. Without `mesh:admin` only one's own. */
function ownerFor(c: Context<ApiEnv>, owner: string | undefined): string | null {
  if (isAdmin(c)) return owner ?? null;
  const { subject } = c.var.identity;
  if (owner === undefined || owner === subject) return subject;
  throw refused("forbidden", "owner: expected oneself, or the scope mesh:admin");
}

/** An account or a client: there is one of a name at most. */
async function findOwner(c: Context<ApiEnv>, name: string): Promise<AccountFacts> {
  for (const kind of ["account", "client"] as const) {
    const found = await askAccounts(c, name, (object) => object.facts({ v: 1, kind, name }));
    if (found.kind === "found") return found.facts;
  }
  throw refused("conflict", "owner: expected an account or a client that may log in");
}

/** A key gives no more than the token that asked for it; what is left open would grow with its owner. */
function within(field: string, asked: readonly string[] | null, held: readonly string[]): readonly string[] {
  if (asked === null) return held;
  if (asked.every((name) => held.includes(name))) return asked;
  throw refused("forbidden", `${field}: expected no more than the token has`);
}

/** Another's key is as good as none. */
async function expectOwn(c: Context<ApiEnv>, id: string): Promise<void> {
  const found = await askAccounts(c, id, (object) => object.keyFacts({ v: 1, id }));
  if (found.kind === "missing" || found.facts.owner.name !== c.var.identity.subject) throw noKey();
}

function isAdmin(c: Context<ApiEnv>): boolean {
  return c.var.identity.scopes.includes("mesh:admin");
}

function shown(facts: ApiKeyFacts) {
  const { id, label, owner, scopes: may, roles: held } = facts;
  return {
    keyId: id,
    label,
    owner: owner.name,
    scopes: may,
    roles: held,
    createdAt: new Date(facts.createdAt).toISOString(),
    expiresAt: facts.expiresAt === null ? null : new Date(facts.expiresAt).toISOString(),
    usedAt: facts.usedAt === null ? null : new Date(facts.usedAt).toISOString(),
  };
}

function noKey(): Error {
  return refused("not_found", "there is no such key");
}
