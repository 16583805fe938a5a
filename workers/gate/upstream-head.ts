/**
 * The head of the request to the upstream. The order is the guarantee: fields of one connection go first, with all that
 * Connection lists; then every spelling of the mesh's names and all that speaks for the client's address; then ours are
 * set. So nothing that a client sends can remove or imitate what the upstream relies on.
 */
import type { Fields } from "./fields.ts";
import { isHopByHop, isOfMesh, listedIn } from "./hop-by-hop.ts";
import type { IdentityFields } from "./identity-fields.ts";

export interface UpstreamHead {
  readonly fields: Fields;
  /** None for anonymous. */
  readonly identity: IdentityFields | null;
  /** Client fields that stop here, lower case: a credential that is not forwarded, the name of the proof. */
  readonly withheld: readonly string[];
  /** The mesh's own fields, set last. */
  readonly own: Readonly<Record<string, string>>;
  /** A WebSocket handshake: the runtime makes its own, and is told by this one field. */
  readonly isUpgrade: boolean;
  /** The caller's trace goes on, and its state with it. */
  readonly isContinued: boolean;
}

/**
 * Fields that other servers read as the client's address, protocol or path: ours say it, the client's do not.
 * Expect was answered by the runtime; Host is the origin's own.
 */
const replaced: ReadonlySet<string> = new Set([
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "cf-pseudo-ipv4",
  "expect",
  "forwarded",
  "host",
  "traceparent",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-original-url",
  "x-real-ip",
  "x-rewrite-url",
]);

export function upstreamHead(head: UpstreamHead): Record<string, string> {
  const { fields, isUpgrade } = head;
  const withheld = new Set(head.withheld.map(foldedName));
  const listed = listedIn(fields.get("connection"));
  const sent: Record<string, string> = {};
  for (const [name, value] of fields) {
    const known = foldedName(name);
    if (isHopByHop(known) || listed.has(name)) continue;
    if (isOfMesh(known) || replaced.has(known) || withheld.has(known)) continue;
    if (isUpgrade && isOfHandshake(known)) continue;
    if (known === "tracestate" && !head.isContinued) continue;
    sent[name] = value;
  }
  if (isUpgrade) sent["Upgrade"] = "websocket";
  return Object.assign(sent, head.identity, head.own);
}

/** CGI, FastCGI and WSGI read every character between as the same one: `X_Real_IP` arrives there as `X-Real-IP`. */
function foldedName(name: string): string {
  return /[^a-z0-9-]/.test(name) ? name.replaceAll(/[^a-z0-9]/g, "-") : name;
}

/** The runtime chooses key, version and compression of its own connection; the subprotocols are the client's. */
function isOfHandshake(name: string): boolean {
  return name === "sec-websocket-key" || name === "sec-websocket-version" || name === "sec-websocket-extensions";
}
