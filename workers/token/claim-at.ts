/** Finds one claim among a token's. */
import { isJsonObject, type JsonObject } from "./strict-json.ts";

/** A claim named as it is spelled (names may be URLs with dots in them), else by a dot-separated path. */
export function claimAt(claims: JsonObject, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const step of path.split(".")) {
    if (!isJsonObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}
