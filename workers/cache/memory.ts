/** Kept answers in the isolate's memory: bounded by bytes, the longest unused goes first. */
import { costOf, type Entry } from "./entry.ts";
import type { Key } from "./key.ts";
import { unionOf, variantOf, type Asker } from "./vary.ts";

/** The answers to one URL for one selector. */
interface Shape {
  readonly url: string;
  readonly selector: string;
  /** All names that these answers have varied by; it only grows, so that it settles. */
  readonly names: readonly string[];
  readonly variants: Map<string, Kept>;
}

interface Kept {
  readonly entry: Entry;
  readonly shape: Shape;
  readonly variant: string;
  readonly cost: number;
}

export type Found =
  | { readonly kind: "entry"; readonly entry: Entry }
  | { readonly kind: "none"; readonly miss: "uri-miss" | "vary-miss" };

const uriMiss: Found = { kind: "none", miss: "uri-miss" };
const varyMiss: Found = { kind: "none", miss: "vary-miss" };
/** Beside the entries' own cost, for the maps that lead to them. */
const shapeOverhead = 512;

export class Memory {
  readonly #maxBytes: number;
  readonly #urls = new Map<string, Map<string, Shape>>();
  /** In the order of last use. */
  readonly #used = new Set<Kept>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#used.size;
  }

  find(key: Key, asker: Asker): Found {
    const shape = this.#urls.get(key.url)?.get(key.selector);
    if (shape === undefined) return uriMiss;
    const kept = shape.variants.get(variantOf(shape.names, asker));
    if (kept === undefined) return varyMiss;
    this.#used.delete(kept);
    this.#used.add(kept);
    return { kind: "entry", entry: kept.entry };
  }

  /** In place of what was there. One that would fill a quarter of the memory alone is not taken. */
  put(key: Key, asker: Asker, entry: Entry): void {
    const shape = this.#shapeFor(key, entry.names);
    if (shape === null) return;
    const variant = variantOf(shape.names, asker);
    const cost = costOf(entry) + shapeOverhead + 2 * (key.url.length + key.selector.length + variant.length);
    this.#drop(shape.variants.get(variant));
    if (cost > this.#maxBytes / 4) {
      this.#dropShapeIfEmpty(shape);
      return;
    }
    const kept: Kept = { entry, shape, variant, cost };
    shape.variants.set(variant, kept);
    this.#keepShape(shape);
    this.#used.add(kept);
    this.#bytes += cost;
    for (const oldest of this.#used) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#drop(oldest);
    }
  }

  /** Only if it is still this very entry: a newer one stays. */
  remove(key: Key, asker: Asker, entry: Entry): void {
    const shape = this.#urls.get(key.url)?.get(key.selector);
    const kept = shape?.variants.get(variantOf(shape.names, asker));
    if (kept?.entry === entry) this.#drop(kept);
  }

  /** All that is kept for a URL, for whomever. */
  forget(url: string): void {
    for (const shape of this.#urls.get(url)?.values() ?? []) {
      for (const kept of shape.variants.values()) this.#drop(kept);
    }
  }

  /** The shape that chooses by these names too. Choosing by more names makes other variants: the old ones go. */
  #shapeFor(key: Key, names: readonly string[]): Shape | null {
    const shape = this.#urls.get(key.url)?.get(key.selector);
    if (shape === undefined) return { url: key.url, selector: key.selector, names, variants: new Map() };
    const union = unionOf(shape.names, names);
    if (union === shape.names) return shape;
    for (const kept of shape.variants.values()) this.#drop(kept);
    return union === null ? null : { ...shape, names: union, variants: new Map() };
  }

  #keepShape(shape: Shape): void {
    const selectors = this.#urls.get(shape.url);
    if (selectors === undefined) this.#urls.set(shape.url, new Map([[shape.selector, shape]]));
    else selectors.set(shape.selector, shape);
  }

  #drop(kept: Kept | undefined): void {
    if (kept === undefined) return;
    kept.shape.variants.delete(kept.variant);
    this.#used.delete(kept);
    this.#bytes -= kept.cost;
    this.#dropShapeIfEmpty(kept.shape);
  }

  #dropShapeIfEmpty(shape: Shape): void {
    if (shape.variants.size > 0) return;
    const selectors = this.#urls.get(shape.url);
    if (selectors?.get(shape.selector) !== shape) return;
    selectors.delete(shape.selector);
    if (selectors.size === 0) this.#urls.delete(shape.url);
  }
}
