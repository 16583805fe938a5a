/** Does the signature hold? jose does the cryptography; the algorithm is the one that goes with the key. */
import { compactVerify } from "jose";
import type { VerificationKey } from "./key-set.ts";

export async function isSigned(token: string, key: VerificationKey, algorithm: string): Promise<boolean> {
  for (const imported of await key.imported(algorithm)) {
    if (await verifies(token, imported, algorithm)) return true;
  }
  return false;
}

async function verifies(token: string, key: CryptoKey, algorithm: string): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch {
    // A signature that cannot be checked is a wrong one: nothing in a token may turn a refusal into a failure.
    return false;
  }
}
