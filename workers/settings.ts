/** What the platform must have been given before the mesh serves anything. */
import type { Mesh } from "./config/mesh.ts";

/** Secrets of the mesh itself, as wrangler.toml requires them. */
const secrets = ["MESH_ADMIN_SECRET", "MESH_KEY_SECRET"] as const;
const leastBytes = 32;
/** What a field carries exactly: printable ASCII without space at either end. */
const fieldText = /^[!-~](?:[ -~]*[!-~])?$/;

/** What is wrong with the first setting that is; null when all are right. Names the setting, never its value. */
export function faultOfSettings(mesh: Mesh, env: Readonly<Record<string, unknown>>): string | null {
  for (const name of secrets) {
    const value = env[name];
    if (typeof value !== "string") return `${name}: expected a secret of at least ${leastBytes} bytes: received none`;
    const bytes = new TextEncoder().encode(value).byteLength;
    if (bytes < leastBytes) return `${name}: expected a secret of at least ${leastBytes} bytes: received ${bytes}`;
  }
  const { sharedSecret } = mesh.tokens;
  const shared = sharedSecret === null ? null : env[sharedSecret];
  if (shared !== null && (typeof shared !== "string" || new TextEncoder().encode(shared).byteLength < leastBytes)) {
    return `${sharedSecret}: expected the secret that tokens are signed with, of at least ${leastBytes} bytes`;
  }
  for (const { name, proof } of mesh.services.values()) {
    if (proof.kind !== "header") continue;
    const value = env[proof.secret];
    if (typeof value !== "string" || !fieldText.test(value)) {
      return `${proof.secret}: expected the secret that proves the mesh to service ${name}, of printable ASCII characters`;
    }
  }
  return null;
}
