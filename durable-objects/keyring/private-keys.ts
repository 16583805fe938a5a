/** The private keys that this object has opened. They are sealed in the table, and in the clear nowhere but here. */
import { importJWK, type JWK } from "jose";
import type { KeySecrets } from "./key-secret.ts";
import type { KeyRecord, KeyTable } from "./key-table.ts";
import { open, seal } from "./sealed-key.ts";

export class PrivateKeys {
  readonly #table: KeyTable;
  readonly #secrets: KeySecrets;
  readonly #environment: string;
  readonly #opened = new Map<string, CryptoKey>();

  constructor(table: KeyTable, secrets: KeySecrets, environment: string) {
    this.#table = table;
    this.#secrets = secrets;
    this.#environment = environment;
  }

  /** Null when no secret at hand opens it. */
  async of(record: KeyRecord): Promise<CryptoKey | null> {
    const known = this.#opened.get(record.kid);
    if (known !== undefined) return known;
    const opened = await open(record, this.placeOf(record.kid), this.#secrets);
    if (opened.kind === "locked") return null;
    if (opened.by === "previous") await this.#resealAll();
    const key = await importJWK(JSON.parse(opened.text) as JWK, record.algorithm);
    if (key instanceof Uint8Array)
      throw new Error(`cannot use the signing key ${record.kid}: expected an asymmetric key`);
    this.#opened.set(record.kid, key);
    return key;
  }

  forget(kid: string): void {
    this.#opened.delete(kid);
  }

  /** What a sealed key is bound to: it opens as this key of this mesh only. */
  placeOf(kid: string): string {
    return JSON.stringify([this.#environment, kid]);
  }

  /** All of them, also those that sign later only: the previous secret may be gone by then. */
  async #resealAll(): Promise<void> {
    for (const record of [...this.#table.keysOf("access"), ...this.#table.keysOf("assertion")]) {
      const place = this.placeOf(record.kid);
      const opened = await open(record, place, this.#secrets);
      if (opened.kind === "locked" || opened.by === "current") continue;
      this.#table.reseal(record.kid, await seal(opened.text, place, this.#secrets.current));
      console.info({ event: "signing_key_resealed", kid: record.kid });
    }
  }
}
