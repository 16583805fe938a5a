import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";

/** What a deployed mesh has as Worker secrets. */
export interface Secrets {
  readonly MESH_ADMIN_SECRET: string;
  readonly MESH_KEY_SECRET: string;
}

const names = ["MESH_ADMIN_SECRET", "MESH_KEY_SECRET"] as const;

/** Reads the secrets from a `.dev.vars` file; those that are missing are made and written, for the owner's eyes only. */
export function openSecrets(file: string): Secrets {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const known = parseEnv(text);
  const missing = names.filter((name) => known[name] === undefined || known[name] === "");
  const made = Object.fromEntries(missing.map((name) => [name, randomBytes(32).toString("base64url")]));
  if (missing.length > 0) {
    const separator = text === "" || text.endsWith("\n") ? "" : "\n";
    const lines = missing.map((name) => `${name}=${made[name]}\n`).join("");
    writeFileSync(file, `${text}${separator}${lines}`, { mode: 0o600 });
  }
  chmodSync(file, 0o600);
  return { ...(known as Partial<Secrets>), ...(made as Partial<Secrets>) } as Secrets;
}
