/** Base64url as RFC 7515 section 2 wants it: no padding, nothing between the characters, one spelling a value. */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const characters = /^[A-Za-z0-9_-]+$/;

export function isBase64url(text: string): boolean {
  return characters.test(text);
}

/** RFC 4648 section 3.5: the bits that the last character has too many are zero. One character alone encodes nothing. */
export function isCanonical(text: string): boolean {
  const rest = text.length % 4;
  if (rest === 0) return true;
  if (rest === 1) return false;
  const last = alphabet.indexOf(text.at(-1) ?? "");
  return last % (rest === 2 ? 16 : 4) === 0;
}

/** For a text that passed both checks above; throws for others. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

export function encodeBase64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
