/**
 * Who is asking. `none` does not look; `optional` takes a request without a credential, or with one of another scheme,
 * for anonymous and passes it on; a Bearer token, an API key or a token's cookie that fails is refused everywhere.
 */
import type { Isolate } from "../isolate.ts";
import { refuse, type Refusal } from "../problem/problem.ts";
import { presentedIn } from "../account/presented.ts";
import type { Identity, Verdict } from "../token/identity.ts";
import { isBoundElsewhere } from "../token/resources.ts";
import { allowedBy } from "./allowed.ts";
import { cookieCredential } from "./cookie-credential.ts";
import { expectedBy } from "./not-allowed.ts";
import type { Passage, Step } from "./passage.ts";

const missing = refuse("token_missing");
const doubled = refuse("malformed_token", "expected one credential: received more than one");
const foreign = refuse("forbidden", "Origin: expected this site's, because the credential is a cookie");

/** What may identify somebody: a token, however it came, or an API key. */
export type IdentifyingCredential =
  | { readonly kind: "bearer" | "token"; readonly token: string }
  | { readonly kind: "api_key"; readonly text: string };

/** What the gate thinks of a credential at one instant, ms since 1970. */
export function verdictOn(
  credential: IdentifyingCredential,
  { apiKeys, tokens }: Pick<Isolate, "apiKeys" | "tokens">,
  context: ExecutionContext,
  now: number,
): Verdict | Promise<Verdict> {
  return credential.kind === "api_key"
    ? apiKeys.verify(credential.text, context, now)
    : tokens.verify(credential.token, context, now);
}

export const identify: Step = function identify(passage) {
  const { route } = passage;
  passage.identity = null;
  passage.credential = null;
  if (route.identity.need === "none") return admit(null, passage);
  const presented = presentedIn(passage.fields);
  // Whoever sends a field means it: a cookie comes along by itself.
  const credential = presented.kind === "none" ? cookieCredential(passage) : presented;
  if (credential.kind === "doubled") return doubled;
  if (credential.kind === "foreign_origin") return foreign;
  if (credential.kind === "none" || credential.kind === "other") {
    return route.identity.need === "required" ? missing : admit(null, passage);
  }
  passage.credential = credential;
  const verdict = verdictOn(credential, passage.isolate, passage.context, passage.now);
  return verdict instanceof Promise ? verdict.then((later) => enter(passage, later)) : enter(passage, verdict);
};

function enter(passage: Passage, verdict: Verdict): Refusal | null {
  if (verdict.kind === "refused") return refusalOf(verdict.code);
  passage.identity = verdict.identity;
  return admit(verdict.identity, passage);
}

/** A verdict that could not be had may be had in a second; every other refusal is final. */
function refusalOf(code: Extract<Verdict, { kind: "refused" }>["code"]): Refusal {
  return code === "not_current" ? refuse(code, undefined, { headers: { "Retry-After": "1" } }) : refuse(code);
}

/** Who is anonymous may come back with a token. */
function admit(identity: Identity | null, { route, params, isolate }: Passage): Refusal | null {
  const { allow, service } = route;
  if (identity !== null && isBoundElsewhere(identity, isolate.mesh.tokens.issuer, "service", service)) {
    return refuse("forbidden", `resource: expected service:${service.name}`);
  }
  if (allow === null) return null;
  if (identity === null) return missing;
  const allowed = allowedBy(allow, identity, params);
  if (allowed === "allowed") return null;
  const detail = expectedBy(allow, identity, params);
  return allowed === "scopes_missing" ? forbidden(allow.scopes, detail) : refuse("forbidden", detail);
}

/** RFC 6750 section 3.1. Only characters that a scope can have come here: the configuration is checked. */
function forbidden(scopes: readonly string[], detail: string): Refusal {
  const challenge = `Bearer realm="mesh", error="insufficient_scope", scope="${scopes.join(" ")}"`;
  return refuse("forbidden", detail, { headers: { "WWW-Authenticate": challenge } });
}
