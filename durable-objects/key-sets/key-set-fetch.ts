/**
 * Fetches one issuer's key set, from where the configuration says or by discovery (RFC 8414 section 3, OpenID Connect
 * Discovery 1.0 section 4). One deadline for all of it; redirects are not followed; answers are bounded.
 */
import type { PublicKey } from "../keyring/contract.ts";
import type { FetchFailure, KeySetSource, LeftOutKey } from "./contract.ts";
import { readPublicKeys } from "./public-keys.ts";

export type FetchOutcome =
  | { readonly kind: "fetched"; readonly keys: readonly PublicKey[]; readonly leftOut: readonly LeftOutKey[] }
  | { readonly kind: "failed"; readonly reason: FetchFailure; readonly detail: string };

export type Get = (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>;

export const maxAnswerBytes = 262_144;

type Failed = Extract<FetchOutcome, { kind: "failed" }>;
type Document = { readonly kind: "document"; readonly value: unknown };

export async function fetchKeySet(source: KeySetSource, get: Get, signal: AbortSignal): Promise<FetchOutcome> {
  const place =
    source.jwksUri === null
      ? await discover(source.issuer, get, signal)
      : ({ kind: "place", url: source.jwksUri } as const);
  if (place.kind === "failed") return place;
  const answer = await getJson(place.url, get, signal);
  if (answer.kind === "failed") return answer;
  const found = await readPublicKeys(answer.value);
  if (found.kind === "refused") return failed("answer_malformed", found.detail);
  return { kind: "fetched", keys: found.keys, leftOut: found.leftOut };
}

/** Where the metadata may be: RFC 8414 puts the well-known part before the issuer's path, OpenID Connect after it. */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
}

async function discover(
  issuer: string,
  get: Get,
  signal: AbortSignal,
): Promise<{ readonly kind: "place"; readonly url: string } | Failed> {
  let last: Failed = failed("unreachable", "no metadata was asked for");
  for (const url of metadataUrls(issuer)) {
    const answer = await getJson(url, get, signal);
    if (answer.kind === "failed") {
      last = answer;
      continue;
    }
    const place = placeIn(answer.value, issuer);
    if (place.kind === "place") return place;
    last = place;
  }
  return last;
}

function placeIn(metadata: unknown, issuer: string): { readonly kind: "place"; readonly url: string } | Failed {
  if (typeof metadata !== "object" || metadata === null)
    return failed("answer_malformed", "expected metadata: an object");
  const { issuer: named, jwks_uri: place } = metadata as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  // RFC 8414 section 3.3: else one host could speak for another's issuer.
  if (named !== issuer) return failed("metadata_issuer_wrong", "expected the issuer's own name in its metadata");
  if (typeof place !== "string" || !mayFollow(place, issuer)) {
    return failed("jwks_uri_refused", "expected jwks_uri to be an https address with a host name");
  }
  return { kind: "place", url: place };
}

const addressLiteral = /^(?:\[.*\]|[\d.]+)$/;

/** https and a host name; on the issuer's own origin whatever the configuration took the issuer for. */
export function mayFollow(place: string, issuer: string): boolean {
  if (!URL.canParse(place)) return false;
  const url = new URL(place);
  if (url.username !== "" || url.password !== "") return false;
  if (url.origin === new URL(issuer).origin) return true;
  // A name may end in a dot, and is the same name.
  const host = url.hostname.replace(/\.$/, "");
  const isLocal = host === "localhost" || host.endsWith(".localhost") || addressLiteral.test(host);
  return url.protocol === "https:" && !isLocal;
}

async function getJson(url: string, get: Get, signal: AbortSignal): Promise<Document | Failed> {
  try {
    const response = await get(url, { signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      return failed("status_unexpected", `expected 200: received ${response.status}`);
    }
    const bytes = await readBounded(response);
    if (bytes === null) return failed("answer_too_large", `expected at most ${maxAnswerBytes} bytes`);
    return parse(bytes);
  } catch (error) {
    // The network and the deadline speak in exceptions; to the policy they are one failure more.
    return failed("unreachable", String(error));
  }
}

function parse(bytes: Uint8Array): Document | Failed {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
    return { kind: "document", value };
  } catch {
    // Whatever it is, it is not JSON: a finding about the issuer.
    return failed("answer_malformed", "expected JSON");
  }
}

/** Null when there is more than is taken; the rest is not read. */
async function readBounded(response: Response): Promise<Uint8Array | null> {
  if (response.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > maxAnswerBytes) return null;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function failed(reason: FetchFailure, detail: string): Failed {
  return { kind: "failed", reason, detail };
}
