/** Parameters for names that nobody has: the same at each asking, and nothing tells them from real ones. */
import type { PasswordParameters } from "./contract.ts";

const saltBytes = 16;

/** `key` is random, and kept by the shard. It is made for every asking, so that real names take as long. */
export async function madeUpParameters(
  key: Uint8Array<ArrayBuffer>,
  name: string,
  passwords: Pick<PasswordParameters, "iterations" | "rounds">,
): Promise<PasswordParameters> {
  const hmac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", hmac, new TextEncoder().encode(name)));
  return { salt: base64url(mac.subarray(0, saltBytes)), ...passwords };
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
