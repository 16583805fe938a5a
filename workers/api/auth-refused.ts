/**
 * Refusals of the auth paths: problem documents that also say what OAuth clients read, `error` and `error_description`
 * (RFC 6749 section 5.2). Who asks for `application/json` by name gets the same document under that name; where only
 * OAuth clients come, everyone does who does not ask for problem documents: not all of them say what they read.
 */
import type { Context } from "hono";
import type { NotGiven } from "../auth/parts.ts";
import { wholeSeconds } from "../limit/rate-limit-fields.ts";
import { problemResponse, refuse } from "../problem/problem.ts";
import type { ApiEnv } from "./call.ts";
import { Refused, refused } from "./refused.ts";

type OAuthError = NotGiven["error"];

/** RFC 7617 section 2, RFC 6749 section 5.2. */
const basicChallenge = 'Basic realm="mesh", charset="UTF-8"';

export function oauthRefused(
  { code, error, detail, retryAfterMs }: Omit<NotGiven, "kind">,
  headers: Readonly<Record<string, string>> = {},
): Refused {
  const members = { error, ...(detail === undefined ? {} : { error_description: detail }) };
  const retry: Record<string, string> =
    retryAfterMs === undefined ? {} : { "Retry-After": String(Math.max(1, wholeSeconds(retryAfterMs))) };
  return refused(code, detail, { members, headers: { ...retry, ...headers } });
}

/** Who is shown a login by its browser is asked for Basic credentials, unless it says that it shows one itself. */
export function challengeFor(c: Context<ApiEnv>): Readonly<Record<string, string>> {
  const isSilent = c.req.header("no-auth-challenge") !== undefined || c.req.query("noauthchallenge") !== undefined;
  return isSilent ? { "WWW-Authenticate": 'Bearer realm="mesh"' } : { "WWW-Authenticate": basicChallenge };
}

/** For the error hook of paths that have clients of every kind. Errors that are no refusals are defects, and passed on. */
export function answerOAuth(error: Error, c: Context<ApiEnv>): Response {
  const accepted = c.req.header("accept") ?? "";
  return answer(error, c, /\bapplication\/json\b/i.test(accepted) && !asksForProblems(accepted));
}

/** For that of paths that RFC 7009 and RFC 7662 describe. */
export function answerOAuthOnly(error: Error, c: Context<ApiEnv>): Response {
  return answer(error, c, !asksForProblems(c.req.header("accept") ?? ""));
}

function asksForProblems(accepted: string): boolean {
  return /problem\+json/i.test(accepted);
}

function answer(error: Error, c: Context<ApiEnv>, isPlain: boolean): Response {
  if (!(error instanceof Refused)) throw error;
  const { refusal } = error;
  const members = { error: errorOf(refusal.code), ...refusal.members };
  const response = problemResponse(refuse(refusal.code, refusal.detail, { ...refusal, members }), c.var.requestId);
  if (isPlain) response.headers.set("Content-Type", "application/json");
  response.headers.set("Pragma", "no-cache");
  return response;
}

function errorOf(code: string): OAuthError {
  if (code === "token_missing") return "invalid_client";
  if (code.startsWith("token_") || code === "malformed_token") return "invalid_token";
  if (code === "forbidden") return "access_denied";
  if (code === "overloaded" || code === "not_current" || code === "outcome_unknown") return "temporarily_unavailable";
  return code === "internal_error" ? "server_error" : "invalid_request";
}
