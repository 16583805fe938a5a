/**
 * The partition keys of `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11, sections 3.1.4 and
 * 4.1.3): which budget of a limit an answer speaks of, as a keyed hash of the budget's text. Nobody reads or guesses an
 * address or a subject from it. It is the same on every edge, because the key is derived from the mesh's secret; each
 * limit has a key of its own, so that equal budgets of two limits do not show.
 */
import type { Limit, LimitPart } from "../config/mesh.ts";
import { KeyedHash, type HashKey } from "./keyed-hash.ts";

/** Requests come in series: the parameter of a budget is remembered, and all are forgotten at once when they are many. */
const mostRemembered = 1_024;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

interface Partition {
  readonly hash: KeyedHash;
  /** By budget. */
  readonly parameters: Map<string, string>;
}

export interface PartitionKeysParts {
  /** The mesh's. */
  readonly secret: string;
  /** Two environments of one secret share no key. */
  readonly environment: string;
}

export class PartitionKeys {
  readonly #parts: PartitionKeysParts;
  #ofLimits: KeyedHash | null = null;
  /** By limit; null for one that has the same budget for all requests of a route. */
  readonly #partitions = new Map<string, Partition | null>();

  constructor(parts: PartitionKeysParts) {
    this.#parts = parts;
  }

  get isReady(): boolean {
    return this.#ofLimits !== null;
  }

  /** Before anything else. Each request that comes before it is ready derives anew: the promise of another may never end. */
  async derive(): Promise<void> {
    const { secret, environment } = this.#parts;
    const text = new TextEncoder();
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", text.encode(secret), algorithm, false, ["sign"]);
    const label = `selvedge partition keys 1\n${environment}`;
    const derived = new DataView(await crypto.subtle.sign("HMAC", key, text.encode(label)));
    const word = (index: number) => derived.getUint32(4 * index, true);
    this.#ofLimits ??= new KeyedHash([word(0), word(1), word(2), word(3)]);
  }

  /** `;pk=:c2VsdmVkZ2U=:`, to be appended to an item; nothing for a limit that counts by route alone. */
  parameterOf({ name, by }: Pick<Limit, "name" | "by">, budget: string): string {
    let partition = this.#partitions.get(name);
    if (partition === undefined) {
      partition = isPartitioned(by) ? { hash: new KeyedHash(this.#keyOf(name)), parameters: new Map() } : null;
      this.#partitions.set(name, partition);
    }
    if (partition === null) return "";
    const { hash, parameters } = partition;
    let parameter = parameters.get(budget);
    if (parameter === undefined) {
      hash.read(budget);
      parameter = `;pk=:${base64(hash.low, hash.high)}:`;
      if (parameters.size >= mostRemembered) parameters.clear();
      parameters.set(budget, parameter);
    }
    return parameter;
  }

  #keyOf(limit: string): HashKey {
    const hash = this.#ofLimits;
    if (hash === null) throw new Error("cannot tell a partition: the key was not derived");
    hash.read(`0 ${limit}`);
    const [first, second] = [hash.low, hash.high];
    hash.read(`1 ${limit}`);
    return [first, second, hash.low, hash.high];
  }
}

function isPartitioned(by: readonly LimitPart[]): boolean {
  return by.some(({ kind }) => kind !== "route");
}

/** 64 bits in eleven characters and the padding that RFC 9651 (section 4.1.8) asks for. */
function base64(low: number, high: number): string {
  let text = "";
  for (let shift = 26; shift >= 2; shift -= 6) text += alphabet.charAt((low >>> shift) & 63);
  text += alphabet.charAt(((low & 3) << 4) | (high >>> 28));
  for (let shift = 22; shift >= 4; shift -= 6) text += alphabet.charAt((high >>> shift) & 63);
  return `${text}${alphabet.charAt((high & 15) << 2)}=`;
}
