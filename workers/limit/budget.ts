/**
 * Which budget of a limit a request belongs to: the text that stands for what the limit counts `by`.
 *
 * No two askers share a text: addresses, routes and given keys stand for themselves; what belongs to an identity is a
 * JSON array of issuer and value, a header's value an array of one. None of the bare texts begins with a bracket. A
 * limit with several parts has the JSON array of them. JSON keeps separators, case, Unicode forms and lone surrogates
 * apart. Who has no identity, or lacks the claim or header, counts by address, so that strangers do not share one
 * budget; only those without any address, whom nothing tells apart, share `unknown`. Addresses that the limit's prefix
 * makes one network share a budget. A text over 512 bytes is replaced by its digest, never cut.
 */
import { maxBudgetBytes } from "../../durable-objects/limiter/contract.ts";
import type { Limit, LimitPart } from "../config/mesh.ts";
import type { Identity } from "../token/identity.ts";
import type { PrefixLengths } from "./network.ts";
import { sourceOf } from "./source.ts";

/** What of a request may decide its budget; a passage through the gate has it all. */
export interface Asker {
  /** By lower-case name. */
  readonly fields: { get(name: string): string | undefined };
  /** Canonical, or null when there is none. */
  readonly address: string | null;
  readonly identity: Identity | null;
  readonly route: { readonly name: string };
}

type Part = string | readonly unknown[];

/** Synchronous but for texts that are too long: only a digest needs to wait. */
export function budgetOf(limit: Limit, asker: Asker): string | Promise<string> {
  const [only, ...others] = limit.by;
  if (only === undefined) throw new Error(`cannot find the budget of limit ${limit.name}: it counts by nothing`);
  const { by, prefix } = limit;
  const text =
    others.length === 0
      ? textOf(partOf(only, asker, prefix))
      : JSON.stringify(by.map((part) => partOf(part, asker, prefix)));
  return fits(text) ? text : digestOf(text);
}

function textOf(part: Part): string {
  return typeof part === "string" ? part : JSON.stringify(part);
}

function partOf(part: LimitPart, asker: Asker, prefix: PrefixLengths): Part {
  const { identity } = asker;
  switch (part.kind) {
    case "address":
      return byAddress(asker, prefix);
    case "route":
      return asker.route.name;
    case "subject":
      return identity === null ? byAddress(asker, prefix) : [identity.issuer, identity.subject];
    case "tenant":
      return ofIdentity(asker, prefix, identity?.tenant);
    case "client":
      return ofIdentity(asker, prefix, identity?.client);
    case "claim":
      return ofIdentity(asker, prefix, claimOf(identity, part.name));
    case "header": {
      const value = asker.fields.get(part.name);
      return value === undefined ? byAddress(asker, prefix) : [value];
    }
    case "key":
      throw new Error("cannot find the budget of a request: a limit by key is taken from through the mesh API only");
  }
}

/** A tenant, a client and a claim count within their issuer. */
function ofIdentity(asker: Asker, prefix: PrefixLengths, value: unknown): Part {
  const { identity } = asker;
  const isAbsent = value === null || value === undefined;
  return identity === null || isAbsent ? byAddress(asker, prefix) : [identity.issuer, value];
}

function claimOf(identity: Identity | null, name: string): unknown {
  return identity !== null && Object.hasOwn(identity.claims, name) ? identity.claims[name] : undefined;
}

function byAddress({ address, fields }: Asker, prefix: PrefixLengths): string {
  return sourceOf(address, () => fields.get("cf-worker"), prefix);
}

function fits(text: string): boolean {
  // No UTF-16 code unit takes more than three bytes of UTF-8: most texts need no counting.
  return text.length * 3 <= maxBudgetBytes || new TextEncoder().encode(text).length <= maxBudgetBytes;
}

/** No bare text begins like this: addresses and routes do not, and given keys are refused when they are too long. */
async function digestOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `sha256:${Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
