/**
 * What a PUT of an account or a client leaves out. It replaces all there is, so what is left out would be lost: who only
 * wants to disable a client must not take its scopes away without a word.
 */
import type { AccountSettings } from "../../durable-objects/accounts/contract.ts";

/** By the field's name in a body. */
const settings = {
  roles: "roles",
  tenant: "tenant",
  claims: "claims",
  scopes: "scopes",
  resources: "resources",
  redirectUris: "redirectUris",
  public: "isPublic",
  disabled: "isDisabled",
  expiresAt: "expiresAt",
} as const satisfies Readonly<Record<string, keyof AccountSettings>>;

export function unsaidIn(body: Partial<Record<keyof typeof settings, unknown>>): readonly (keyof AccountSettings)[] {
  return fieldsAndSettings.filter(([field]) => body[field] === undefined).map(([, setting]) => setting);
}

export function fieldOf(setting: keyof AccountSettings): string {
  return fieldsAndSettings.find(([, named]) => named === setting)?.[0] ?? setting;
}

const fieldsAndSettings = Object.entries(settings) as [keyof typeof settings, keyof AccountSettings][];
