/** How much an account may say: all of it goes into a token, and tokens are at most 8192 characters long. */
import type { AccountSettings } from "../../durable-objects/accounts/contract.ts";

/** Of roles, scopes, tenant and claims as JSON, in UTF-8. A token spells three bytes in four characters. */
export const mostTokenBytes = 4_096;

export function isSettingsTooLong({
  roles,
  scopes,
  tenant,
  claims,
}: Pick<AccountSettings, "roles" | "scopes" | "tenant" | "claims">): boolean {
  return new TextEncoder().encode(JSON.stringify([roles, scopes, tenant, claims])).length > mostTokenBytes;
}

/** Half of what a token may be nested: it carries them inside. */
export const deepestClaim = 16;

/** Whether a token may say it: not nested too deep, and without half of a surrogate pair, which is no UTF-8. */
export function isClaimsFit(claims: Readonly<Record<string, unknown>>): boolean {
  return isFit(claims, deepestClaim);
}

function isFit(value: unknown, depth: number): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.entries(value).every(([name, member]) => name.isWellFormed() && isFit(member, depth - 1));
}
