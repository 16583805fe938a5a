/** The operator's secrets for keys at rest: the current one, and while it is rotated the previous one. */
export interface KeySecrets {
  readonly current: string;
  readonly previous: string | null;
}

/** A secret that is only sometimes there is not part of the generated `Env`. */
interface EnvWithPrevious {
  readonly MESH_KEY_SECRET?: string;
  readonly MESH_KEY_SECRET_PREVIOUS?: string;
}

const leastLength = 32;

/** Null when the secret is absent or too short to be one. */
export function keySecretsOf(env: EnvWithPrevious): KeySecrets | null {
  const current = env.MESH_KEY_SECRET;
  if (current === undefined || current.length < leastLength) return null;
  const previous = env.MESH_KEY_SECRET_PREVIOUS;
  return { current, previous: previous === undefined || previous === "" ? null : previous };
}

/** A secret that is shared with those who verify (RFC 7518 section 3.2: at least as long as the hash); null when it is none. */
export function sharedSecretOf(env: object, name: string): Uint8Array | null {
  const value = (env as Readonly<Record<string, unknown>>)[name];
  if (typeof value !== "string") return null;
  const bytes = new TextEncoder().encode(value);
  return bytes.byteLength < leastLength ? null : bytes;
}
