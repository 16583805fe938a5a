/** Two limits that most APIs can begin with: many reads and some writes a second, by address. */
import type { WindowLimitConfig } from "./define-limit.ts";

export interface ReadsAndWritesOptions {
  /** Default 200. */
  readonly reads?: number;
  /** Default 50. */
  readonly writes?: number;
  /** Default 1000. */
  readonly windowMs?: number;
}

/** A type and not an interface, so that it can stand for all of `limits`, too. */
export type ReadsAndWrites = {
  readonly reads: WindowLimitConfig;
  readonly writes: WindowLimitConfig;
};

/**
 * To be spread into `limits`; a route names both, and each counts its own methods: `limits: ["reads", "writes"]`. What
 * is not a read is a write: no method passes by both.
 * Without options these are the numbers of hawkBit's filter.
 */
export function readsAndWrites(options: ReadsAndWritesOptions = {}): ReadsAndWrites {
  const { reads = 200, writes = 50, windowMs = 1_000 } = options;
  return {
    reads: { by: "address", quota: reads, windowMs, methods: "read" },
    writes: { by: "address", quota: writes, windowMs, methods: "write" },
  };
}
