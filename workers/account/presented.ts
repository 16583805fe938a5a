/**
 * Which credential a request's head presents: a Bearer token, or an API key of the mesh, which comes as a Bearer token or
 * in X-API-Key. Keys of others in that field are the upstream's, and nothing to us.
 */
import { readCredential, type Credential } from "../token/credential.ts";
import { apiKeyPrefix } from "./api-key-text.ts";

export type Presented = Credential | { readonly kind: "api_key"; readonly text: string };

interface Head {
  get(name: string): string | null | undefined;
}

const keyField = "x-api-key";
/** Fields sent twice arrive joined by a comma, which no key has in it. */
const ourKey = /(?:^|,)[ \t]*slv_/;
const ourBearer = /(?:^|,)[ \t]*bearer[ \t]+slv_/i;
const doubled: Presented = { kind: "doubled" };

export function presentedIn(head: Head): Presented {
  const authorization = head.get("authorization") ?? null;
  const key = head.get(keyField) ?? null;
  if (key !== null && ourKey.test(key)) {
    // With another credential beside it nobody can say which one counts.
    const isAlone = (authorization === null || authorization === "") && !key.includes(",");
    return isAlone ? { kind: "api_key", text: key } : doubled;
  }
  const credential = readCredential(authorization);
  return credential.kind === "bearer" && credential.token.startsWith(apiKeyPrefix)
    ? { kind: "api_key", text: credential.token }
    : credential;
}

const nothing: readonly string[] = [];

/** The fields that hold an API key of the mesh, right or wrong: no upstream is shown one. */
export function fieldsWithApiKey(head: Head): readonly string[] {
  const authorization = head.get("authorization") ?? null;
  const key = head.get(keyField) ?? null;
  if (key !== null && ourKey.test(key)) {
    return authorization !== null && ourBearer.test(authorization) ? [keyField, "authorization"] : [keyField];
  }
  return authorization !== null && ourBearer.test(authorization) ? ["authorization"] : nothing;
}
