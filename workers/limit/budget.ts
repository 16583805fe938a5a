/**
 * Which budget of a limit a request belongs to: the text that stands for what the limit counts `by`.
 *
 * No two askers share a text: addresses, routes and given keys stand for themselves; what belongs to an identity is a
 * JSON array of issuer and value, a header's value an array of one. None of the bare texts begins with a bracket. A
 * limit with several parts has the JSON array of them. JSON keeps separators, case, Unicode forms and lone surrogates
 * apart. Who has no identity, or lacks the claim or header, counts by address, so that strangers do not share one
 * budget. A text over 512 bytes is replaced by its digest, never cut.
 */
import { maxBudgetBytes } from "../../durable-objects/limiter/contract.ts";
import type { Limit, LimitPart } from "../config/mesh.ts";
import type { Identity } from "../token/identity.ts";

/** What of a request may decide its budget; a passage through the gate has it all. */
export interface Asker {
  /** By lower-case name. */
  readonly fields: { get(name: string): string | undefined };
  /** Canonical, or null when there is none. */
  readonly address: string | null;
  readonly identity: Identity | null;
  readonly route: { readonly name: string };
}

/** Workers of other zones all call from here; the platform names the zone in `CF-Worker`. */
const workersAddress = "2a06:98c0:3600::103";

type Part = string | readonly unknown[];

/** Synchronous but for texts that are too long: only a digest needs to wait. */
export function budgetOf(limit: Limit, asker: Asker): string | Promise<string> {
  const [only, ...others] = limit.by;
  if (only === undefined) throw new Error(`cannot find the budget of limit ${limit.name}: it counts by nothing`);
  const text =
    others.length === 0 ? textOf(partOf(only, asker)) : JSON.stringify(limit.by.map((part) => partOf(part, asker)));
  return fits(text) ? text : digestOf(text);
}

function textOf(part: Part): string {
  return typeof part === "string" ? part : JSON.stringify(part);
}

function partOf(part: LimitPart, asker: Asker): Part {
  const { identity } = asker;
  switch (part.kind) {
    case "address":
      return byAddress(asker);
    case "route":
      return asker.route.name;
    case "subject":
      return identity === null ? byAddress(asker) : [identity.issuer, identity.subject];
    case "tenant":
      return ofIdentity(asker, identity?.tenant);
    case "client":
      return ofIdentity(asker, identity?.client);
    case "claim":
      return ofIdentity(asker, claimOf(identity, part.name));
    case "header": {
      const value = asker.fields.get(part.name);
      return value === undefined ? byAddress(asker) : [value];
    }
    case "key":
      throw new Error("cannot find the budget of a request: a limit by key is taken from through the mesh API only");
  }
}

/** A tenant, a client and a claim count within their issuer. */
function ofIdentity(asker: Asker, value: unknown): Part {
  const { identity } = asker;
  return identity === null || value === null || value === undefined ? byAddress(asker) : [identity.issuer, value];
}

function claimOf(identity: Identity | null, name: string): unknown {
  return identity !== null && Object.hasOwn(identity.claims, name) ? identity.claims[name] : undefined;
}

function byAddress({ address, fields }: Asker): string {
  if (address === null) return "unknown";
  if (address === workersAddress) {
    const zone = fields.get("cf-worker");
    if (zone !== undefined) return `worker:${zone}`;
  }
  return address.includes(":") ? networkOf(address) : address;
}

/** The /64 of an IPv6 address, as RFC 5952 writes it: a subscriber has at least that much. */
function networkOf(address: string): string {
  const [before = "", after] = address.split("::");
  const leading = before === "" ? [] : before.split(":");
  const trailing = after === undefined || after === "" ? [] : after.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - leading.length - trailing.length) }, () => "0");
  const network = [...leading, ...zeros, ...trailing]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""));
  while (network.at(-1) === "0") network.pop();
  return `${network.join(":")}::/64`;
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
