/** What the Keyring keeps: its keys, the private part sealed. The newest is the one that signs. */
import type { PublicKey } from "./contract.ts";
import type { SealedKey } from "./sealed-key.ts";

export const signingKeyTable = `CREATE TABLE signing_key (
  kid TEXT PRIMARY KEY,
  -- JSON Web Key, public members only
  public TEXT NOT NULL,
  salt BLOB NOT NULL,
  iv BLOB NOT NULL,
  sealed BLOB NOT NULL,
  made_at INTEGER NOT NULL
)`;

export interface KeyRecord extends SealedKey {
  readonly kid: string;
  readonly publicKey: PublicKey;
  /** ms since 1970. */
  readonly madeAt: number;
}

interface Row extends Record<string, SqlStorageValue> {
  kid: string;
  public: string;
  salt: ArrayBuffer;
  iv: ArrayBuffer;
  sealed: ArrayBuffer;
  made_at: number;
}

export function newestKey(sql: SqlStorage): KeyRecord | null {
  const [row] = sql
    .exec<Row>("SELECT kid, public, salt, iv, sealed, made_at FROM signing_key ORDER BY made_at DESC, kid LIMIT 1")
    .toArray();
  if (row === undefined) return null;
  return {
    kid: row.kid,
    publicKey: JSON.parse(row.public) as PublicKey,
    salt: new Uint8Array(row.salt),
    iv: new Uint8Array(row.iv),
    sealed: new Uint8Array(row.sealed),
    madeAt: row.made_at,
  };
}

export function insertKey(sql: SqlStorage, key: KeyRecord): void {
  sql.exec(
    "INSERT INTO signing_key (kid, public, salt, iv, sealed, made_at) VALUES (?, ?, ?, ?, ?, ?)",
    key.kid,
    JSON.stringify(key.publicKey),
    key.salt.buffer,
    key.iv.buffer,
    key.sealed.buffer,
    key.madeAt,
  );
}

export function resealKey(sql: SqlStorage, kid: string, sealed: SealedKey): void {
  sql.exec(
    "UPDATE signing_key SET salt = ?, iv = ?, sealed = ? WHERE kid = ?",
    sealed.salt.buffer,
    sealed.iv.buffer,
    sealed.sealed.buffer,
    kid,
  );
}
