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
