/** The cryptography, by jose, with the algorithm pinned to what the key and the issuer's rules agree on. */
import { compactVerify } from "jose";
import type { SuitableKey } from "./key-set.ts";

export async function isSigned(token: string, key: SuitableKey, algorithm: string): Promise<boolean> {
  const imported = await key.imported(algorithm);
  if (imported === null) return false;
  try {
    await compactVerify(token, imported, { algorithms: [algorithm] });
    return true;
  } catch {
    // A signature that cannot be checked is a wrong one: nothing in a token may turn a refusal into a failure.
    return false;
  }
}
