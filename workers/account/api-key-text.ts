/**
 * API keys as text: `slv_{id}_{secret}`. The secret ends in a checksum of both, so that a key that was mistyped or cut
 * off is refused without a call. The checksum is no proof: whoever makes a key up can make that up as well.
 */

export interface ApiKeyText {
  readonly id: string;
  /** The whole text after the id. */
  readonly secret: string;
}

export const apiKeyPrefix = "slv_";
/** 80 and 248 random bits, and 32 of the checksum: multiples of five bytes have one spelling in base32. */
const idBytes = 10;
const secretBytes = 31;
const checksumBytes = 4;
const form = /^slv_([a-z2-7]{16})_([a-z2-7]{56})$/;
const idForm = /^[a-z2-7]{16}$/;
/** RFC 4648 section 6, in lower case. */
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

export function isApiKeyId(text: string): boolean {
  return idForm.test(text);
}

/** `random` gives so many random bytes. */
export function newApiKey(random: (length: number) => Uint8Array): ApiKeyText & { readonly text: string } {
  const id = base32(random(idBytes));
  const bytes = new Uint8Array(secretBytes + checksumBytes);
  bytes.set(random(secretBytes));
  new DataView(bytes.buffer).setUint32(secretBytes, checksumOf(id, bytes.subarray(0, secretBytes)));
  const secret = base32(bytes);
  return { id, secret, text: `${apiKeyPrefix}${id}_${secret}` };
}

/** null for what is no key of any mesh. */
export function readApiKey(text: string): ApiKeyText | null {
  const [, id, secret] = form.exec(text) ?? [];
  if (id === undefined || secret === undefined) return null;
  const bytes = bytesOf(secret);
  const told = new DataView(bytes.buffer).getUint32(secretBytes);
  return told === checksumOf(id, bytes.subarray(0, secretBytes)) ? { id, secret } : null;
}

function checksumOf(id: string, secret: Uint8Array): number {
  const named = new TextEncoder().encode(id);
  let rest = 0xffffffff;
  for (const bytes of [named, secret]) for (const byte of bytes) rest = divided(rest ^ byte);
  return ~rest >>> 0;
}

/** CRC-32 (ISO 3309) of one byte more. */
function divided(value: number): number {
  let rest = value;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let [bits, count] = [0, 0];
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += alphabet.charAt((bits >>> count) & 31);
    }
    bits &= (1 << count) - 1;
  }
  return text;
}

/** Of a text that has no other characters. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length * 5) / 8);
  let [bits, count, at] = [0, 0, 0];
  for (const character of text) {
    bits = (bits << 5) | alphabet.indexOf(character);
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes[at] = bits >>> count;
    at += 1;
    bits &= (1 << count) - 1;
  }
  return bytes;
}
