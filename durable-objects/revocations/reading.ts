/** How the data of events about revocations is read by a version that may be older than its writer. */
import type { RevocationData, RevocationLiftedData } from "./contract.ts";
import { nameClasses } from "./naming.ts";

/** No token is longer. */
const longestName = 8_192;

/**
 * Null when it names no token by anything that this version knows, or has lost its form: then it can be applied to nobody.
 * A member that is not known is one condition less, which refuses more tokens and never fewer.
 */
export function readRevocation(data: unknown): RevocationData | null {
  if (typeof data !== "object" || data === null) return null;
  const record = data as Readonly<Record<string, unknown>>;
  const { issuedBefore, endsAt } = record;
  const names = nameClasses.map((nameClass) => record[nameClass]).filter((name) => name !== undefined);
  const isRead =
    names.length > 0 &&
    names.every((name) => typeof name === "string" && name.length <= longestName) &&
    (issuedBefore === undefined || isInstant(issuedBefore)) &&
    isInstant(endsAt);
  return isRead ? (data as RevocationData) : null;
}

/** The revocation that was lifted; null when it cannot be read. */
export function readLifted(data: unknown): string | null {
  if (typeof data !== "object" || data === null) return null;
  const { id } = data as Partial<RevocationLiftedData>;
  return typeof id === "string" ? id : null;
}

function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
