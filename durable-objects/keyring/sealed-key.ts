/**
 * Private keys at rest: AES-256-GCM under a key derived by HKDF-SHA-256 from the operator's secret (RFC 5869). Each
 * record has its own salt, and is bound to where it belongs, so that no record opens in another's place.
 */
export interface SealedKey {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

export type OpenedKey =
  | { readonly kind: "opened"; readonly text: string; readonly by: "current" | "previous" }
  /** No secret at hand fits. */
  | { readonly kind: "locked" };

const saltBytes = 32;
/** NIST SP 800-38D section 8.2: 96 bits, never twice under one key; with a salt a record, there is one use of each key. */
const ivBytes = 12;
const info = new TextEncoder().encode("selvedge keyring v1");

export async function seal(text: string, place: string, secret: string): Promise<SealedKey> {
  const salt = crypto.getRandomValues(new Uint8Array(saltBytes));
  const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
  const key = await deriveKey(secret, salt);
  const sealed = await crypto.subtle.encrypt(algorithmOf(iv, place), key, new TextEncoder().encode(text));
  return { salt, iv, sealed: new Uint8Array(sealed) };
}

/** Tries the current secret, then the previous one. */
export async function open(
  record: SealedKey,
  place: string,
  secrets: { readonly current: string; readonly previous: string | null },
): Promise<OpenedKey> {
  for (const by of ["current", "previous"] as const) {
    const secret = secrets[by];
    if (secret === null) continue;
    const text = await openWith(record, place, secret);
    if (text !== null) return { kind: "opened", text, by };
  }
  return { kind: "locked" };
}

async function openWith(record: SealedKey, place: string, secret: string): Promise<string | null> {
  const key = await deriveKey(secret, record.salt);
  try {
    return new TextDecoder().decode(await crypto.subtle.decrypt(algorithmOf(record.iv, place), key, record.sealed));
  } catch {
    // The tag does not fit: another secret, or another place. WebCrypto tells it by an exception only.
    return null;
  }
}

async function deriveKey(secret: string, salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt, info };
  return crypto.subtle.deriveKey(derivation, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

function algorithmOf(iv: Uint8Array<ArrayBuffer>, place: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(place) };
}

interface AesGcmParams {
  readonly name: "AES-GCM";
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly additionalData: Uint8Array;
}
