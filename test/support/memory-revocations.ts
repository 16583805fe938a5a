/** A Region's revocations in memory, with the same indexes as in its storage. */
import type { RevocationLedger, RevocationRow } from "../../durable-objects/region/revocation-ledger.ts";
import type { Revocation } from "../../durable-objects/revocations/contract.ts";

export class MemoryRevocations implements RevocationLedger {
  readonly rows = new Map<string, RevocationRow>();
  readonly #byKey = new Map<number, Map<string, RevocationRow>>();

  save(row: RevocationRow): void {
    this.delete(row.id);
    this.rows.set(row.id, row);
    const ofKey = this.#byKey.get(row.key) ?? new Map<string, RevocationRow>();
    ofKey.set(row.id, row);
    this.#byKey.set(row.key, ofKey);
  }

  delete(id: string): boolean {
    const row = this.rows.get(id);
    if (row === undefined) return false;
    this.rows.delete(id);
    const ofKey = this.#byKey.get(row.key);
    ofKey?.delete(id);
    if (ofKey?.size === 0) this.#byKey.delete(row.key);
    return true;
  }

  find(id: string): Revocation | null {
    return this.rows.get(id) ?? null;
  }

  byKey(key: number, issuedFrom: number | null): Iterable<Revocation> {
    return [...(this.#byKey.get(key)?.values() ?? [])].filter(({ data: { issuedBefore } }) => {
      return issuedBefore === undefined || issuedFrom === null || issuedBefore >= issuedFrom;
    });
  }

  after(id: string, now: number, most: number): readonly Revocation[] {
    return [...this.rows.values()]
      .filter((row) => row.id > id && row.data.endsAt > now)
      .toSorted((left, right) => (left.id < right.id ? -1 : 1))
      .slice(0, most);
  }

  keysAfter(key: number, most: number): readonly number[] {
    return [...this.#byKey.keys()]
      .filter((each) => each > key)
      .toSorted((left, right) => left - right)
      .slice(0, most);
  }

  count(): number {
    return this.rows.size;
  }

  deleteEnded(now: number, most: number): number {
    const ended = [...this.rows.values()].filter(({ data }) => data.endsAt < now).slice(0, most);
    for (const { id } of ended) this.delete(id);
    return ended.length;
  }
}
