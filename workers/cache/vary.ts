/**
 * Vary: which fields of a request choose between the answers to one URL, and with which values they reached the
 * upstream. RFC 9111 section 4.1. Values are compared as they are; `en, de` and `en,de` are two.
 */
import { listedIn } from "../gate/hop-by-hop.ts";
import type { Identity } from "../token/identity.ts";

/** Who asks, as far as an answer can vary by it. */
export interface Asker {
  readonly headers: Headers;
  readonly identity: Identity | null;
  readonly address: string | null;
}

const mostNames = 10;
const nameForm = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** Each request has a value of its own: no other request could use the answer. */
const alwaysDiffers: ReadonlySet<string> = new Set(["mesh-request-id", "traceparent", "tracestate"]);

/** Lower case, in order, each once; null when no other request can be shown to match (`*`, a malformed list). */
export function variedNames(vary: string | null): readonly string[] | null {
  if (vary === null) return nothing;
  const names = new Set(
    vary
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  names.delete("");
  if (names.size > mostNames) return null;
  for (const name of names) if (name === "*" || !nameForm.test(name) || alwaysDiffers.has(name)) return null;
  return [...names].toSorted();
}

const nothing: readonly string[] = Object.freeze([]);

/** All names that the answers to one URL have varied by: choosing by more of them than one answer named is safe. */
export function unionOf(one: readonly string[], other: readonly string[]): readonly string[] | null {
  if (other.every((name) => one.includes(name))) return one;
  const names = new Set([...one, ...other]);
  return names.size > mostNames ? null : [...names].toSorted();
}

/** The values in one text, "" without names. An absent field differs from an empty one. */
export function variantOf(names: readonly string[], asker: Asker): string {
  if (names.length === 0) return "";
  const listed = listedIn(asker.headers.get("connection"));
  return JSON.stringify(names.map((name) => valueOf(name, asker, listed)));
}

/** The gate puts its own word in place of the client's in some fields; there its word decides, whatever Connection lists. */
function valueOf(name: string, asker: Asker, listed: ReadonlySet<string>): unknown {
  const { address, headers, identity } = asker;
  // What Connection lists ends at the gate: the upstream did not see it, so it may not choose.
  const ofClient = listed.has(name) ? null : headers.get(name);
  switch (name) {
    case "mesh-issuer":
      return identity?.issuer ?? null;
    case "mesh-subject":
      return identity === null ? null : [identity.issuer, identity.subject];
    case "mesh-tenant":
      return identity === null ? null : [identity.issuer, identity.tenant];
    case "mesh-roles":
      return identity?.roles ?? null;
    case "authorization":
      // Without the client's own the gate made it of whatever else showed who asks.
      if (identity === null || (ofClient ?? "") !== "") return ofClient;
      return [identity.issuer, identity.subject, headers.get("cookie"), headers.get("x-api-key")];
    case "mesh-client-address":
    case "x-forwarded-for":
      return address;
    default:
      return ofClient;
  }
}
