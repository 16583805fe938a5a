/**
 * Keys that the edges derive from the mesh's key secret, one for each use (RFC 5869): what one of them signs proves
 * nothing to another. While the secret is rotated what the previous one signed is taken, too.
 */
export interface MeshSecrets {
  readonly MESH_KEY_SECRET: string;
  readonly MESH_KEY_SECRET_PREVIOUS?: string;
}

export class MeshKey {
  readonly #keys: readonly Promise<CryptoKey>[];

  constructor(secrets: MeshSecrets, use: string) {
    const previous = secrets.MESH_KEY_SECRET_PREVIOUS ?? "";
    this.#keys = [secrets.MESH_KEY_SECRET, previous].filter((secret) => secret !== "").map((one) => derive(one, use));
  }

  /** HMAC-SHA-256 in base64url. */
  async sign(text: string): Promise<string> {
    const [current] = this.#keys;
    if (current === undefined) throw new Error("cannot sign: expected MESH_KEY_SECRET");
    return base64url(new Uint8Array(await crypto.subtle.sign("HMAC", await current, bytesOf(text))));
  }

  /** Compared by the platform, in the same time for every wrong one. */
  async verifies(text: string, mac: string): Promise<boolean> {
    const given = bytesOfBase64url(mac);
    if (given === null) return false;
    for (const key of this.#keys) {
      if (await crypto.subtle.verify("HMAC", await key, given, bytesOf(text))) return true;
    }
    return false;
  }
}

async function derive(secret: string, use: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", bytesOf(secret), "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytesOf(`selvedge ${use} v1`) };
  const algorithm = { name: "HMAC", hash: "SHA-256", length: 256 };
  return crypto.subtle.deriveKey(derivation, material, algorithm, false, ["sign", "verify"]);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** 32 bytes in their one spelling, or null. */
function bytesOfBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(text)) return null;
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}
