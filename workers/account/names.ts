/** How names of accounts and passwords are compared: whoever types one on another keyboard means the same. */

const longestNameBytes = 128;
const longestPasswordBytes = 1_024;
/** No control characters, C1 among them, and no half of a surrogate pair. */
const printable = /^[^\p{Cc}\p{Cs}]+$/u;
const utf8 = new TextEncoder();

/** RFC 8265 section 3.4: one spelling of each name, in Unicode's form C, with its case. null for what is no name. */
export function accountNameOf(text: string): string | null {
  // Longer than any text of that many bytes: not even normalized, which takes time by its length.
  if (text.length > longestNameBytes * 3) return null;
  const name = text.normalize("NFC");
  const isFit = printable.test(name) && name.trim() === name && utf8.encode(name).length <= longestNameBytes;
  return isFit ? name : null;
}

/** RFC 8265 section 4.2: form C, and every space is a space. null for what is no password. */
export function passwordOf(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length > longestPasswordBytes * 3) return null;
  const password = text.normalize("NFC").replaceAll(/\p{Zs}/gu, " ");
  const bytes = new Uint8Array(utf8.encode(password));
  return printable.test(password) && bytes.length <= longestPasswordBytes ? bytes : null;
}
