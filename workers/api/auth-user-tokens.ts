/** …/tokens/{user}: RESTHeart 8's contract. The own tokens by any credentials, others' with the scope `mesh:tokens`. */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import { accountNameOf } from "../account/names.ts";
import { authPartsOf } from "../auth/parts-of-isolate.ts";
import { mayAll, readForm } from "./auth-asking.ts";
import { askWith, endQuery, headOf, silent, type Answered } from "./auth-token.ts";
import { readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { endSubject } from "./end-session.ts";
import { refused } from "./refused.ts";

type Call = Context<ApiEnv>;

const userQuery = v.strictObject(silent);

export function userTokenPaths(): Hono<ApiEnv> {
  const paths = new Hono<ApiEnv>();
  paths.get("/tokens/:user", (c) => showUser(c));
  paths.delete("/tokens/:user", (c) => endUser(c));
  return paths;
}

/** The own token, as its headers say it; of others only that they are there. */
async function showUser(c: Call): Promise<Response> {
  readQuery(c.req.url, userQuery);
  await readForm(c.req.raw);
  const { answered, user } = await userAsked(c);
  const { token, isHidden, expiresAt, roles } = answered;
  if (user !== answered.subject) return showOther(c, user);
  const body = {
    ...(isHidden ? {} : { auth_token: token }),
    auth_token_valid_until: new Date(expiresAt).toISOString(),
    username: user,
    roles,
  };
  return Response.json(body, { headers: headOf(c, answered) });
}

async function showOther(c: Call, user: string): Promise<Response> {
  const read = await authPartsOf(c.var.isolate, c.executionCtx).people.read(user);
  if (read.kind === "unreachable") throw refused("overloaded", undefined, { headers: { "Retry-After": "1" } });
  if (read.kind === "missing") throw refused("not_found", "there is no such account");
  return Response.json({ username: user, roles: read.who.roles }, { headers: { "Cache-Control": "no-store" } });
}

/** All of them, that with which this is asked among them. */
async function endUser(c: Call): Promise<Response> {
  const { ack, timeoutMs } = readQuery(c.req.url, endQuery);
  const { answered, user } = await userAsked(c);
  return endSubject(c, answered, user, { ack, timeoutMs });
}

/** Who may not see others' tokens does not learn which others there are. */
async function userAsked(c: Call): Promise<{ readonly answered: Answered; readonly user: string }> {
  const answered = await askWith(c, new Map());
  const { subject, scopes, identity } = answered;
  const typed = c.req.param("user") ?? "";
  // In the one spelling that tokens say it in.
  const user = accountNameOf(typed) ?? typed;
  const isOwn = identity === null || identity.issuer === c.var.isolate.mesh.tokens.issuer;
  if (!isOwn || (user !== subject && !mayAll(c, scopes, identity)))
    throw refused("forbidden", "expected the own name, or the scope mesh:tokens");
  return { answered, user };
}
