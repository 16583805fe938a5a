/**
 * Every refusal that the mesh knows: its status, its title and what a client can do about it. The only such list: the
 * pages under /_mesh/problems/, docs/problems.md and the tests are held against it. RFC 9457.
 */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** For the problem's page: what happened, and what to do. */
  readonly help: string;
}

export const problems = {
  malformed_request: {
    status: 400,
    title: "The request is malformed",
    help: "The detail names the part that is wrong and what was expected. Paths must be canonical: no dot segments, no empty segments, no encoded slashes or backslashes, no control characters, no parameters (;) and no encoded marks that would make it another route's.",
  },
  malformed_token: {
    status: 400,
    title: "The credentials are malformed",
    help: "Send exactly one Authorization header of the form `Bearer TOKEN`. Where the upstream is told who asks, subject, issuer, tenant and roles must be printable ASCII.",
  },
  grant_invalid: {
    status: 400,
    title: "The grant is not accepted",
    help: "The code or refresh token is unknown, used, past its end, or another client's. Log in again; a refresh token is good once, and one that comes again ends all that came of its login.",
  },
  token_missing: {
    status: 401,
    title: "A token is required",
    help: "Send `Authorization: Bearer TOKEN` with a token of the mesh or of a configured issuer.",
  },
  token_invalid: {
    status: 401,
    title: "The token is not accepted",
    help: "Which check failed is not told. Get a new token from its issuer.",
  },
  token_expired: { status: 401, title: "The token has expired", help: "Get a new token from its issuer." },
  token_revoked: { status: 401, title: "The token was revoked", help: "Log in again." },
  forbidden: {
    status: 403,
    title: "Not allowed",
    help: "The identity is known, but is not what this needs. The detail says which scope, role, claim, tenant, issuer or resource was expected.",
  },
  address_blocked: {
    status: 403,
    title: "The address is not admitted",
    help: "The operator's list of addresses refuses this one.",
  },
  no_route: {
    status: 404,
    title: "No route matches",
    help: "No route of the configuration matches the host and the canonical path.",
  },
  not_found: { status: 404, title: "Not found", help: "There is no such resource in the mesh API." },
  method_not_allowed: {
    status: 405,
    title: "The method is not allowed",
    help: "The Allow header lists the methods that are.",
  },
  lock_held: {
    status: 409,
    title: "The lock is held",
    help: "`holder` and `expiresInMs` say by whom and for how long; ask again, or wait with waitMs.",
  },
  not_holder: {
    status: 409,
    title: "Not the holder",
    help: "The hold has ended or is another's: stop the protected work.",
  },
  conflict: {
    status: 409,
    title: "Conflict",
    help: "The id was used before with other content, or what there is does not allow this: another version, a name that is taken or has no owner, accounts that are a service's. The detail says which.",
  },
  too_large: { status: 413, title: "Too large", help: "The body or the head is over the limit that the detail names." },
  header_too_large: {
    status: 431,
    title: "Too large",
    help: "The target and the fields of the request are over 64 KiB together.",
  },
  quota_exceeded: {
    status: 429,
    title: "The quota is used up",
    help: "Wait for the number of seconds in Retry-After. `violated-policies` names the limits.",
  },
  too_many_logins: {
    status: 429,
    title: "Too many failed logins",
    help: "Too many logins of this name failed from this address, or are under way. The secret was not looked at: wait for the number of seconds in Retry-After.",
  },
  internal_error: {
    status: 500,
    title: "Internal error",
    help: "A defect or a missing setting of the mesh itself. The detail names the setting; the request id finds a defect in the logs.",
  },
  upstream_failed: {
    status: 502,
    title: "The upstream failed",
    help: "The service behind the gate could not be reached, or broke off before its answer began. A GET or HEAD was tried twice, everything else once: whether the service has done it is not known.",
  },
  not_current: {
    status: 503,
    title: "Not current",
    help: "No region can prove that this edge's view is current, and this route needs the proof. Try again.",
  },
  overloaded: {
    status: 503,
    title: "Overloaded",
    help: "A part of the mesh could not take this now and nothing was done. Try again after Retry-After.",
  },
  upstream_timeout: {
    status: 504,
    title: "The upstream did not answer in time",
    help: "The service behind the gate did not begin its answer within its time. Whether it has done what was asked is not known.",
  },
  outcome_unknown: {
    status: 504,
    title: "The outcome is unknown",
    help: "A write was sent and its answer lost. Send it again with the same id: the answer is the truth.",
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problems;
