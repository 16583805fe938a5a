/** Which RSA public keys are sound enough to verify by (RFC 7518 section 3.3, CVE-2017-15361). */
import { decodeBase64url, isBase64url, isCanonical } from "./base64url.ts";

/** RFC 7518 wants 2048 at least; the most is what keeps one verification short. */
const leastModulusBits = 2_048;
const mostModulusBits = 8_192;

export function isSoundRsa(modulus: unknown, exponent: unknown): boolean {
  const n = unsignedOf(modulus);
  const e = unsignedOf(exponent);
  if (n === null || e === null) return false;
  const bits = n.toString(2).length;
  if (bits < leastModulusBits || bits > mostModulusBits || !isOdd(n)) return false;
  return e >= 3n && e <= 0xffff_ffffn && isOdd(e) && !isRoca(n);
}

/**
 * The library of CVE-2017-15361 made primes that are powers of 65537 modulo many small primes, and so is their product:
 * such a modulus can be factored. These are the primes that tell the most; a sound modulus passes for one of these once
 * in some 10^8. M. Nemec et al., The Return of Coppersmith's Attack (2017), section 2.3.
 */
const tellingPrimes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157] as const;

const powersByPrime: readonly (readonly [prime: bigint, powers: ReadonlySet<bigint>])[] = tellingPrimes.map((prime) => [
  BigInt(prime),
  powersModulo(prime),
]);

function isRoca(n: bigint): boolean {
  return powersByPrime.every(([prime, powers]) => powers.has(n % prime));
}

/** All powers of 65537 modulo a prime. */
function powersModulo(prime: number): ReadonlySet<bigint> {
  const powers = new Set<bigint>();
  for (let power = 1; !powers.has(BigInt(power)); power = (power * 65_537) % prime) powers.add(BigInt(power));
  return powers;
}

function isOdd(value: bigint): boolean {
  return value % 2n === 1n;
}

/** Base64urlUInt (RFC 7518 section 2). */
function unsignedOf(text: unknown): bigint | null {
  if (typeof text !== "string" || text.length > 4_096 || !isBase64url(text) || !isCanonical(text)) return null;
  let hex = "";
  for (const byte of decodeBase64url(text)) hex += byte.toString(16).padStart(2, "0");
  return BigInt(`0x${hex}`);
}
