/** `data` of the events about limits, and how it is read by a version that may be older than its writer. */
import type { LimitChange } from "../../durable-objects/limiter/contract.ts";

/** `data` of an event of type `limit_reset`: a budget was made as good as new. */
export interface LimitResetData {
  readonly limit: string;
  /** SHA-256 of the budget's text in lower-case hex: the text may be personal, and events are kept and shown. */
  readonly budget: string;
}

/**
 * `data` of an event of type `limit`; null when it is of a form that this version does not know. What the change says
 * of the rule itself is held against the limit where it is applied: only there the algorithm is known.
 */
export function readLimitChange(data: unknown): LimitChange | null {
  if (typeof data !== "object" || data === null) return null;
  const { limit, removed, expiresAt, by, since } = data as Readonly<Record<string, unknown>>;
  const isRead =
    typeof limit === "string" &&
    typeof by === "string" &&
    isInstant(since) &&
    (removed === undefined || typeof removed === "boolean") &&
    (expiresAt === undefined || isInstant(expiresAt));
  return isRead ? (data as LimitChange) : null;
}

/** The limit of which a budget was reset; null when that cannot be read. */
export function limitOfReset(data: unknown): string | null {
  if (typeof data !== "object" || data === null) return null;
  const { limit } = data as Readonly<Record<string, unknown>>;
  return typeof limit === "string" ? limit : null;
}

/** ms since 1970, as far as a date can tell them. */
function isInstant(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= 8_640_000_000_000_000;
}
