/**
 * Which points of curves may be a public key (RFC 7518 section 6.2.1, RFC 8037 section 2): their coordinates are written
 * in full, and once. That a point lies on its curve is checked by the platform when the key is imported.
 */
import { decodeBase64url, isBase64url, isCanonical } from "./base64url.ts";

/** The length of a coordinate in bytes, with its leading zeros. */
const coordinateBytes: Readonly<Record<string, number>> = {
  "EC P-256": 32,
  "EC P-384": 48,
  "EC P-521": 66,
  "OKP Ed25519": 32,
};

/** `kind`: type and curve. */
export function isSoundPoint(kind: string, x: unknown, y: unknown): boolean {
  const bytes = coordinateBytes[kind];
  if (bytes === undefined || !isCoordinate(x, bytes)) return false;
  return kind === "OKP Ed25519" ? !isSmallOrder(decodeBase64url(x)) : isCoordinate(y, bytes);
}

function isCoordinate(text: unknown, bytes: number): text is string {
  if (typeof text !== "string" || text.length !== Math.ceil((bytes * 4) / 3)) return false;
  return isBase64url(text) && isCanonical(text);
}

/**
 * The y coordinates, little-endian, of Ed25519's points of order 1, 2, 4 and 8, in every encoding (RFC 8032 section
 * 5.1.3, libsodium's list). By such a key a signature can be made that holds for any text.
 */
const smallOrders: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
]);

/** The highest bit is the sign of x, and tells points of one y apart. */
function isSmallOrder(point: Uint8Array): boolean {
  let hex = "";
  for (const [index, byte] of point.entries()) {
    hex += (index === 31 ? byte & 0x7f : byte).toString(16).padStart(2, "0");
  }
  return smallOrders.has(hex);
}
