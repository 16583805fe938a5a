/** A service: where its origins are, and how they know that it was the mesh that called. */
import type { Service } from "./mesh.ts";
import type { Mistakes } from "./mistakes.ts";
import { serviceSchema, type ServiceSettings } from "./schema.ts";
import { isInsecure, readUrl } from "./web-address.ts";

/** Fields that carry something else, or that the runtime sets by itself: a secret in them would be lost or overwrite it. */
const takenFields: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-api-key",
]);

export function compileService(name: string, value: unknown, isLocal: boolean, mistakes: Mistakes): Service | null {
  const path = ["services", name] as const;
  const settings = mistakes.read(serviceSchema, value, path);
  if (settings === null) return null;
  return {
    name,
    origins: compileOrigins(settings, path, isLocal, mistakes),
    timeoutMs: settings.timeoutMs,
    proof: compileProof(settings.proof, [...path, "proof"], isLocal, mistakes),
  };
}

function compileOrigins(
  settings: ServiceSettings,
  path: readonly string[],
  isLocal: boolean,
  mistakes: Mistakes,
): readonly string[] {
  const allowed = new Set<string>();
  for (const [index, text] of settings.allowInsecureOrigins.entries()) {
    if (settings.origins.includes(text)) allowed.add(text);
    else mistakes.add([...path, "allowInsecureOrigins", index], "one of this service's origins, written alike", text);
  }
  const origins: string[] = [];
  for (const [index, text] of settings.origins.entries()) {
    const at = [...path, "origins", index];
    const url = readUrl(text);
    if (url === null || url.origin !== url.href.replace(/\/$/, "")) {
      mistakes.add(at, 'an origin such as "https://inventory.example.com", without a path or credentials', text);
    } else if (!isLocal && !allowed.has(text) && isInsecure(url)) {
      mistakes.add(
        at,
        'an https origin with a public host name (others only with environment "local" or in allowInsecureOrigins)',
        text,
      );
    } else if (origins.includes(url.origin)) {
      mistakes.add(at, "each origin once", text);
    } else {
      origins.push(url.origin);
    }
  }
  return origins;
}

function compileProof(
  proof: ServiceSettings["proof"],
  path: readonly string[],
  isLocal: boolean,
  mistakes: Mistakes,
): Service["proof"] {
  if (proof === undefined) {
    if (!isLocal)
      mistakes.add(
        path,
        '"assertion", { header, secret }, or "none" said aloud (outside of environment "local")',
        proof,
      );
    return { kind: "none" };
  }
  if (proof === "none" || proof === "assertion") return { kind: proof };
  const { header, secret } = proof;
  if (takenFields.has(header) || /^(?:mesh|proxy|cf)[-_]/.test(header)) {
    mistakes.add([...path, "header"], "a header that nothing else uses", header);
  }
  return { kind: "header", header, secret };
}
