/** A limit as an operator wants to see it: what holds, since when, who said so, and what the file says. */
import { changeInForce } from "../limit/rules-in-force.ts";
import type { LimitInForce } from "../limit/taken.ts";
import type { Limit, LimitPart } from "../config/mesh.ts";

export function shownLimit(
  limit: LimitInForce,
  filed: Limit | undefined,
  now: number,
): Readonly<Record<string, unknown>> {
  const { name, by, algorithm, onError, timeoutMs, methods, prefix, version } = limit;
  const parts = by.map(partText);
  const change = changeInForce(version, now);
  return {
    name,
    countedBy: parts.length === 1 ? parts[0] : parts,
    algorithm,
    ...changeable(limit),
    onError,
    timeoutMs,
    ...(methods === null ? {} : { methods: methods === "write" ? methods : [...methods].toSorted() }),
    ...(by.some(({ kind }) => kind === "address") ? { prefix } : {}),
    ...(change === null
      ? { source: "file" }
      : {
          source: "api",
          by: change.by,
          since: new Date(change.since).toISOString(),
          ...(change.expiresAt === undefined ? {} : { expiresAt: new Date(change.expiresAt).toISOString() }),
          ...(filed === undefined ? {} : { file: changeable(filed) }),
        }),
  };
}

/** What a live change may set. */
function changeable({ algorithm, quota, windowMs, burst, mode }: Limit): Readonly<Record<string, unknown>> {
  return { quota, windowMs, ...(algorithm === "token-bucket" ? { burst } : {}), mode };
}

function partText(part: LimitPart): string {
  return part.kind === "claim" || part.kind === "header" ? `${part.kind}:${part.name}` : part.kind;
}
