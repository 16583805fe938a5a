/**
 * Who is asking. `none` does not look; `optional` takes a request without a credential, or with one of another scheme,
 * for anonymous and passes it on; a Bearer token that fails is refused everywhere.
 */
import type { Route } from "../config/mesh.ts";
import { refuse, type Refusal } from "../problem/problem.ts";
import { readCredential } from "../token/credential.ts";
import type { Identity, Verdict } from "../token/identity.ts";
import type { Passage, Step } from "./passage.ts";

const missing = refuse("token_missing");
const doubled = refuse("malformed_token", "Authorization: expected one credential: received more than one");

export const identify: Step = function identify(passage) {
  const { route } = passage;
  passage.identity = null;
  if (route.identity.need === "none") return admit(null, route);
  const credential = readCredential(passage.fields.get("authorization") ?? null);
  if (credential.kind === "doubled") return doubled;
  if (credential.kind !== "bearer") return route.identity.need === "required" ? missing : admit(null, route);
  const { tokens } = passage.isolate;
  const verdict = tokens.verify(credential.token, passage.context, passage.now);
  return verdict instanceof Promise ? verdict.then((later) => enter(passage, later)) : enter(passage, verdict);
};

function enter(passage: Passage, verdict: Verdict): Refusal | null {
  if (verdict.kind === "refused") return refusalOf(verdict.code);
  passage.identity = verdict.identity;
  return admit(verdict.identity, passage.route);
}

/** A verdict that could not be had may be had in a second; every other refusal is final. */
function refusalOf(code: Extract<Verdict, { kind: "refused" }>["code"]): Refusal {
  return code === "not_current" ? refuse(code, undefined, { headers: { "Retry-After": "1" } }) : refuse(code);
}

/** All the scopes of a route, and any one of its roles. Who is anonymous may come back with a token. */
function admit(identity: Identity | null, route: Route): Refusal | null {
  const { allow } = route;
  if (allow === null) return null;
  if (identity === null) return missing;
  const hasScopes = allow.scopes.every((scope) => identity.scopes.includes(scope));
  if (!hasScopes) return forbidden(allow.scopes);
  const hasRole = allow.roles.length === 0 || allow.roles.some((role) => identity.roles.includes(role));
  return hasRole ? null : refuse("forbidden");
}

/** RFC 6750 section 3.1. Only characters that a scope can have come here: the configuration is checked. */
function forbidden(scopes: readonly string[]): Refusal {
  const challenge = `Bearer realm="mesh", error="insufficient_scope", scope="${scopes.join(" ")}"`;
  return refuse("forbidden", undefined, { headers: { "WWW-Authenticate": challenge } });
}
