/** Ends tokens in the whole mesh: one with all that came of its login, or all of one subject. 204 once it is sure. */
import type { Context } from "hono";
import type { Ack, NewEvent } from "../../durable-objects/log/contract.ts";
import { grantsStub } from "../../durable-objects/stubs.ts";
import { asked } from "../auth/holder.ts";
import type { Identity } from "../token/identity.ts";
import { encodeBase64url } from "../token/base64url.ts";
import { revocationEvent } from "../token/revoke.ts";
import type { ApiEnv } from "./call.ts";
import { expectMayName } from "./lock-out.ts";
import { publishOwed } from "./publish-owed.ts";

type Call = Context<ApiEnv>;

export interface How {
  readonly ack: Ack;
  readonly timeoutMs: number;
}

export async function endToken(c: Call, identity: Identity, token: string, how: How): Promise<Response> {
  return answer(c, await eventsOf(c, identity, token), how);
}

export async function endSubject(
  c: Call,
  { subject: by, scopes }: Pick<Identity, "subject" | "scopes">,
  subject: string,
  how: How,
): Promise<Response> {
  const { mesh } = c.var.isolate;
  const now = Date.now();
  const target = { subject, issuer: mesh.tokens.issuer };
  expectMayName(mesh, target, scopes);
  return answer(c, [revocationEvent(mesh, target, { by, now, issuedBefore: now, isFinal: true })], how);
}

/** The family's end covers the token. One without a family, or whose family nobody keeps, is named by itself. */
export async function eventsOf(c: Call, identity: Identity, token: string): Promise<readonly NewEvent[]> {
  const { env, mesh } = c.var.isolate;
  const { issuer, subject, claims, expiresAt } = identity;
  const by = subject;
  const now = Date.now();
  const family = issuer === mesh.tokens.issuer ? claims["sid"] : undefined;
  if (typeof family === "string") {
    const ended = await asked(grantsStub(env, mesh.environment, family).end({ v: 1, family, by }));
    if (ended !== null && ended.events.length > 0) return ended.events;
    return [revocationEvent(mesh, { family, issuer }, { by, now, isFinal: true })];
  }
  return [await revocationOf(c, identity, token, { by, now, endsAt: expiresAt * 1_000 })];
}

async function revocationOf(
  c: Call,
  { issuer, claims }: Identity,
  token: string,
  how: { readonly by: string; readonly now: number; readonly endsAt: number },
): Promise<NewEvent> {
  const { mesh } = c.var.isolate;
  const { jti } = claims;
  const named = typeof jti === "string" && jti !== "" ? { jti } : { token: await digestOf(token) };
  return revocationEvent(mesh, { ...named, issuer }, { ...how, isFinal: true });
}

/** As the view compares it. */
async function digestOf(token: string): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token))));
}

async function answer(c: Call, events: readonly NewEvent[], how: How): Promise<Response> {
  const published = await publishOwed(c.var.isolate, c.executionCtx, events, how);
  const headers = { "Cache-Control": "no-store" };
  // 202: every edge knows of it, or has stopped, within the leases; which have not said so yet is in the body.
  if (published.status === 202 && how.ack !== "none") return Response.json(published.body, { status: 202, headers });
  return new Response(null, { status: 204, headers });
}
