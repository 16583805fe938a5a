/**
 * Asking an Accounts object for the mesh API, and telling the mesh what it has decided. Its calls are idempotent, so a
 * lost answer is asked for once more before it is given up.
 */
import type { Context } from "hono";
import type {
  AccountRefused,
  AccountsContract,
  ApiKeysContract,
  Change,
} from "../../durable-objects/accounts/contract.ts";
import type { Ack, NewEvent } from "../../durable-objects/log/contract.ts";
import { accountsShardStub, accountsStub } from "../../durable-objects/stubs.ts";
import { reach, type Patience } from "../limit/reach.ts";
import type { ApiEnv } from "./call.ts";
import { publishDecided } from "./publish-owed.ts";
import { refused } from "./refused.ts";
import { fieldOf } from "./unsaid-settings.ts";

export type AccountsObject = AccountsContract & ApiKeysContract;

const patience: Patience = { attemptMs: 2_000, deadlineMs: 5_000 };

/** The object of a name or of a key's id. */
export function askAccounts<Answer>(
  c: Context<ApiEnv>,
  name: string,
  ask: (accounts: AccountsObject) => Promise<Answer>,
): Promise<Answer> {
  const { env, mesh } = c.var.isolate;
  return answered(() => ask(accountsStub(env, mesh.environment, name)));
}

export function askShard<Answer>(
  c: Context<ApiEnv>,
  shard: number,
  ask: (accounts: AccountsObject) => Promise<Answer>,
): Promise<Answer> {
  const { env, mesh } = c.var.isolate;
  return answered(() => ask(accountsShardStub(env, mesh.environment, shard)));
}

async function answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  const reached = await reach(ask, patience);
  if (reached.kind === "answered") return reached.answer;
  console.error({ event: "accounts_unanswered", error: reached.reason });
  throw refused("outcome_unknown", "the accounts gave no answer: the same call, made again, tells what came of it");
}

/** Who is accountable, and where it can be found again. */
export function changeOf(c: Context<ApiEnv>): Change {
  return { by: c.var.identity.subject, requestId: c.var.requestId };
}

/** What came of the call: it may hold a secret that is shown once. */
export async function decided(
  c: Context<ApiEnv>,
  what: Readonly<Record<string, unknown>>,
  events: readonly NewEvent[],
  how: { readonly ack: Ack; readonly timeoutMs: number },
): Promise<Response> {
  const headers = { "Cache-Control": "no-store" };
  if (events.length === 0) return Response.json(what, { headers });
  const { body, status } = await publishDecided(c.var.isolate, c.executionCtx, events, how);
  return Response.json({ ...what, ...body }, { status, headers });
}

export function conflictOf(refusal: AccountRefused): Error {
  switch (refusal.reason) {
    case "version":
      return refused("conflict", "ifVersion: expected the version that is there: it was changed meanwhile");
    case "name_taken":
      return refused("conflict", "name: expected one that no account and no client has: both would be one subject");
    case "full":
      return refused("conflict", "there is no room for more of them");
    case "unsaid":
      return refused("conflict", `${fieldOf(refusal.setting)}: expected, because PUT replaces what there is`);
  }
}
