/** Revocations that came as events, exactly, by the most selective thing that each names. */
import type { RevocationData, TokenNames } from "../../durable-objects/revocations/contract.ts";
import { fits, primaryOf, type NameClass } from "../../durable-objects/revocations/naming.ts";

export interface HeldRevocation {
  readonly id: string;
  readonly seq: number;
  /** What the isolate had learned of revocations when it came: a number that only grows, over epochs, too. */
  readonly revision: number;
  readonly data: RevocationData;
}

type After = Pick<HeldRevocation, "revision"> | Pick<HeldRevocation, "seq">;

export class HeldRevocations {
  readonly #byId = new Map<string, HeldRevocation>();
  readonly #byName = new Map<NameClass, Map<string, HeldRevocation[]>>();

  get size(): number {
    return this.#byId.size;
  }

  add(held: HeldRevocation): void {
    this.delete(held.id);
    const place = placeOf(held);
    if (place === null) return;
    this.#byId.set(held.id, held);
    const ofClass = this.#byName.get(place.nameClass) ?? new Map<string, HeldRevocation[]>();
    this.#byName.set(place.nameClass, ofClass);
    const others = ofClass.get(place.value);
    if (others === undefined) ofClass.set(place.value, [held]);
    else others.push(held);
  }

  delete(id: string): void {
    const held = this.#byId.get(id);
    const place = held === undefined ? null : placeOf(held);
    if (place === null) return;
    this.#byId.delete(id);
    const ofClass = this.#byName.get(place.nameClass);
    const others = ofClass?.get(place.value)?.filter((each) => each.id !== id) ?? [];
    if (others.length > 0) ofClass?.set(place.value, others);
    else ofClass?.delete(place.value);
    // A class of which nothing is held costs no look.
    if (ofClass?.size === 0) this.#byName.delete(place.nameClass);
  }

  clear(): void {
    this.#byId.clear();
    this.#byName.clear();
  }

  /** One that names the token, among those that came after a number or a revision; null for none. */
  match(names: TokenNames, after: After | null): HeldRevocation | null {
    for (const [nameClass, ofClass] of this.#byName) {
      const value = names[nameClass];
      const others = value === undefined ? undefined : ofClass.get(value);
      const found = others?.find((held) => isAfter(held, after) && fits(held.data, names));
      if (found !== undefined) return found;
    }
    return null;
  }

  /** The older half, oldest first, which is no longer held then. */
  takeOlderHalf(): readonly HeldRevocation[] {
    // In the order of coming: who comes again under one id comes last.
    const older = [...this.#byId.values()].slice(0, Math.ceil(this.#byId.size / 2));
    for (const { id } of older) this.delete(id);
    return older;
  }
}

function placeOf({ data }: HeldRevocation): { readonly nameClass: NameClass; readonly value: string } | null {
  const nameClass = primaryOf(data);
  const value = nameClass === null ? undefined : data[nameClass];
  return nameClass === null || value === undefined ? null : { nameClass, value };
}

function isAfter(held: HeldRevocation, after: After | null): boolean {
  if (after === null) return true;
  return "seq" in after ? held.seq > after.seq : held.revision > after.revision;
}
