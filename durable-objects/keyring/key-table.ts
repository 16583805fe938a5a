/** What the Keyring keeps: the keys of both sets, their private parts sealed, and when a set last changed. */
import type { KeyPurpose, PublicKey } from "./contract.ts";
import type { PlannedKey } from "./key-plan.ts";
import type { SealedKey } from "./sealed-key.ts";

/** Appended to, never changed. */
export const keySchema = [
  `CREATE TABLE signing_key (
    kid TEXT PRIMARY KEY,
    -- JSON Web Key, public members only
    public TEXT NOT NULL,
    salt BLOB NOT NULL,
    iv BLOB NOT NULL,
    sealed BLOB NOT NULL,
    made_at INTEGER NOT NULL
  )`,
] as const;

/** After what other rooms have put in between. The one key of an older mesh is the access set's, and signs. */
export const keySetSchema = [
  `ALTER TABLE signing_key ADD COLUMN purpose TEXT NOT NULL DEFAULT 'access'`,
  `ALTER TABLE signing_key ADD COLUMN used_from INTEGER`,
  `ALTER TABLE signing_key ADD COLUMN ends_at INTEGER`,
  `UPDATE signing_key SET used_from = made_at`,
  `CREATE TABLE key_set (purpose TEXT PRIMARY KEY, changed_at INTEGER NOT NULL)`,
] as const;

export interface KeyRecord extends SealedKey, PlannedKey {
  readonly publicKey: PublicKey;
}

interface Row extends Record<string, SqlStorageValue> {
  kid: string;
  public: string;
  salt: ArrayBuffer;
  iv: ArrayBuffer;
  sealed: ArrayBuffer;
  made_at: number;
  used_from: number | null;
  ends_at: number | null;
}

export class KeyTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** In the order in which they were made. */
  keysOf(purpose: KeyPurpose): readonly KeyRecord[] {
    return this.#sql
      .exec<Row>("SELECT * FROM signing_key WHERE purpose = ? ORDER BY made_at, kid", purpose)
      .toArray()
      .map((row) => recordOf(row, purpose));
  }

  insert(key: KeyRecord): void {
    this.#sql.exec(
      `INSERT INTO signing_key (kid, public, salt, iv, sealed, made_at, purpose, used_from, ends_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      key.kid,
      JSON.stringify(key.publicKey),
      key.salt.buffer,
      key.iv.buffer,
      key.sealed.buffer,
      key.madeAt,
      key.purpose,
      key.usedFrom,
      key.endsAt,
    );
  }

  reseal(kid: string, { salt, iv, sealed }: SealedKey): void {
    this.#sql.exec(
      "UPDATE signing_key SET salt = ?, iv = ?, sealed = ? WHERE kid = ?",
      salt.buffer,
      iv.buffer,
      sealed.buffer,
      kid,
    );
  }

  /** It signs from now on; what signed before verifies until `endsAt`. */
  promote(purpose: KeyPurpose, kid: string, now: number, endsAt: number): void {
    this.#sql.exec(
      "UPDATE signing_key SET ends_at = ? WHERE purpose = ? AND used_from IS NOT NULL AND ends_at IS NULL",
      endsAt,
      purpose,
    );
    this.#sql.exec("UPDATE signing_key SET used_from = ? WHERE kid = ?", now, kid);
  }

  drop(kid: string): void {
    this.#sql.exec("DELETE FROM signing_key WHERE kid = ?", kid);
  }

  /** 0 for a set that never changed. */
  changedAt(purpose: KeyPurpose): number {
    const rows = this.#sql.exec<{ changed_at: number }>("SELECT changed_at FROM key_set WHERE purpose = ?", purpose);
    return rows.toArray()[0]?.changed_at ?? 0;
  }

  /** Never what it was before, and never less: of two sets the newer one must show, whatever the clock does. */
  change(purpose: KeyPurpose, now: number): void {
    this.#sql.exec(
      `INSERT INTO key_set (purpose, changed_at) VALUES (?, ?)
       ON CONFLICT (purpose) DO UPDATE SET changed_at = excluded.changed_at`,
      purpose,
      Math.max(now, this.changedAt(purpose) + 1),
    );
  }
}

function recordOf(row: Row, purpose: KeyPurpose): KeyRecord {
  const publicKey = JSON.parse(row.public) as PublicKey;
  return {
    kid: row.kid,
    purpose,
    publicKey,
    algorithm: publicKey.alg ?? "ES256",
    salt: new Uint8Array(row.salt),
    iv: new Uint8Array(row.iv),
    sealed: new Uint8Array(row.sealed),
    madeAt: row.made_at,
    usedFrom: row.used_from,
    endsAt: row.ends_at,
  };
}
