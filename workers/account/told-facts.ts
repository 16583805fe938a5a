/** What a service's answer to a right login says of the account, where the configuration says it stands. Pure. */
import type { AccountSettings } from "../../durable-objects/accounts/contract.ts";
import type { ServiceLogin } from "../config/mesh.ts";
import { isBuiltIn } from "../token/admin-client.ts";
import { isClaimsFit, isSettingsTooLong } from "./account-bounds.ts";
import { accountNameOf } from "./names.ts";
import { valueAt, type JsonPointer } from "./json-pointer.ts";

const mostNames = 100;
/** RFC 6749 section 3.3. */
const scopeForm = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
const roleForm = /^[ -~]{1,128}$/;
const tenantForm = /^[!-~](?:[ -~]{0,126}[!-~])?$/;

/** null where something stands there that is none: a login that says half of it is no login. */
export function toldFacts(
  answer: unknown,
  typedName: string,
  says: Pick<ServiceLogin, "name" | "roles" | "tenant" | "scopes" | "claims">,
): AccountSettings | null {
  const name = says.name === null ? typedName : nameOf(valueAt(answer, says.name));
  const roles = namesAt(answer, says.roles, roleForm);
  const scopes = namesAt(answer, says.scopes, scopeForm);
  const tenant = tenantAt(answer, says.tenant);
  if (name === null || roles === null || scopes === null || tenant === undefined) return null;
  const claims: Record<string, unknown> = {};
  for (const [claim, pointer] of says.claims) {
    const value = valueAt(answer, pointer);
    if (value !== undefined && value !== null) claims[claim] = value;
  }
  const facts: AccountSettings = {
    kind: "account",
    name,
    roles,
    tenant,
    claims,
    // A service says who may use it, never who may run the mesh.
    scopes: scopes.filter((scope) => !scope.startsWith("mesh:")),
    resources: [],
    redirectUris: [],
    isPublic: false,
    isDisabled: false,
    expiresAt: null,
  };
  return isClaimsFit(claims) && !isSettingsTooLong(facts) ? facts : null;
}

/** A service may have a user `admin`. Here that is the operator: their tokens would be one subject's. */
function nameOf(value: unknown): string | null {
  const name = typeof value === "string" ? accountNameOf(value) : null;
  return name === null || isBuiltIn(name) ? null : name;
}

/** A list of texts, or one text with spaces between. What is not there is nothing. */
function namesAt(answer: unknown, pointer: JsonPointer | null, form: RegExp): readonly string[] | null {
  const value = pointer === null ? undefined : valueAt(answer, pointer);
  if (value === undefined || value === null) return [];
  const names: unknown = typeof value === "string" ? value.split(" ").filter((name) => name !== "") : value;
  if (!Array.isArray(names) || names.length > mostNames) return null;
  const items: unknown[] = names;
  const texts = items.filter((name): name is string => typeof name === "string" && form.test(name));
  return texts.length === items.length ? [...new Set(texts)] : null;
}

/** null for none, undefined for what is no tenant. */
function tenantAt(answer: unknown, pointer: JsonPointer | null): string | null | undefined {
  const value = pointer === null ? null : (valueAt(answer, pointer) ?? null);
  if (value === null) return null;
  return typeof value === "string" && tenantForm.test(value) ? value : undefined;
}
