/** What the upstream is told with a request: who asks, from where, under which trace, and that it was the mesh that called. */
import { fieldsWithApiKey } from "../account/presented.ts";
import { withoutCookie } from "../auth/cookie.ts";
import type { Arrival } from "./arrival.ts";
import { isPreflight } from "./cors.ts";
import { isWebSocketUpgrade } from "./hop-by-hop.ts";
import { identityFields } from "./identity-fields.ts";
import type { Passage } from "./passage.ts";
import { upstreamHead } from "./upstream-head.ts";

type Head = Record<string, string>;
/** Lower-case names: a text is sent in place of the client's field, null takes the client's field away. */
type AskedFields = Readonly<Record<string, string | null>>;

export const proofField = "Mesh-Assertion";

/** `unencodable`: a name holds what a field cannot carry. `unproved`: an assertion was needed, and could not be had. */
export function requestHead(
  passage: Passage,
  arrival: Arrival,
  asked: AskedFields,
): Head | "unencodable" | Promise<Head | "unproved" | "unencodable"> {
  const { route, isolate, identity } = passage;
  const needsAssertion =
    route.service.proof.kind === "assertion" || (identity !== null && route.identity.forward === "assertion");
  if (!needsAssertion) return headWith(null, passage, arrival, asked);
  const assertion = isolate.assertions.of(route.service.name, identity);
  if (typeof assertion === "string") return headWith(assertion, passage, arrival, asked);
  return assertion.then((made) => (made === null ? "unproved" : headWith(made, passage, arrival, asked)));
}

function headWith(
  assertion: string | null,
  passage: Passage,
  arrival: Arrival,
  asked: AskedFields,
): Head | "unencodable" {
  const { identity, address } = passage;
  const { fields, target, correlation } = arrival;
  const encoded = identity === null ? null : identityFields(identity);
  if (encoded === "unencodable") return encoded;
  const own: Head = {
    "Mesh-Request-Id": passage.requestId,
    traceparent: correlation.traceparent,
    "X-Forwarded-Host": target.authority,
    "X-Forwarded-Proto": target.scheme,
  };
  if (address !== null) {
    own["Mesh-Client-Address"] = address;
    own["X-Forwarded-For"] = address;
  }
  const withheld = withheldFrom(passage);
  addCredentials(own, withheld, assertion, passage);
  for (const [name, value] of Object.entries(asked)) {
    withheld.push(name);
    if (value !== null) own[name] = value;
  }
  const isUpgrade = isWebSocketUpgrade(passage.request.method, fields);
  return upstreamHead({ fields, identity: encoded, withheld, own, isUpgrade, isContinued: correlation.isContinued });
}

/** The client's fields that stop here. A key of the mesh is no upstream's, whatever the route says of credentials. */
function withheldFrom({ route, identity, request, fields }: Passage): string[] {
  const withheld = [...fieldsWithApiKey(fields)];
  // A preflight has passed by the identity step: what it carries was not looked at, and does not go on as if it had been.
  const isUnverified = route.identity.need !== "none" && isPreflight(request.method, fields);
  if (isUnverified || (identity !== null && route.identity.forward !== "token")) withheld.push("authorization");
  return withheld;
}

function addCredentials(own: Head, withheld: string[], assertion: string | null, passage: Passage): void {
  const { credential, route, identity, isolate, fields } = passage;
  const { proof } = route.service;
  if (proof.kind === "header") {
    withheld.push(proof.header.toLowerCase());
    own[proof.header] = secretOf(isolate.env, proof.secret);
  }
  if (proof.kind === "assertion" && assertion !== null) own[proofField] = assertion;
  if (identity !== null && route.identity.forward === "assertion" && assertion !== null) {
    own["Authorization"] = `Bearer ${assertion}`;
  }
  if (identity !== null && route.identity.forward === "token" && credential?.kind === "token") {
    // A service checks tokens where its other clients send them. An empty field of the client's would make it two.
    withheld.push("authorization");
    own["Authorization"] = `Bearer ${credential.token}`;
  }
  // The token's cookie is the mesh's: read or not, no upstream needs it.
  const cookie = fields.get("cookie");
  if (cookie === undefined || route.identity.need === "none") return;
  const rest = withoutCookie(cookie, isolate.mesh.tokens.cookie);
  if (rest === cookie) return;
  withheld.push("cookie");
  if (rest !== null) own["Cookie"] = rest;
}

/** The door has refused to serve without it. */
function secretOf(env: Env, name: string): string {
  const value = (env as unknown as Readonly<Record<string, unknown>>)[name];
  if (typeof value !== "string") throw new Error(`cannot prove the mesh to the upstream: expected the secret ${name}`);
  return value;
}
