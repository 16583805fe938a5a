/** A limit as a configuration has it, and as it is in force while nobody has changed it. */
import type { Limit } from "../../workers/config/mesh.ts";
import type { LimitInForce } from "../../workers/limit/taken.ts";

export function filedLimit(more: Partial<Limit> = {}): Limit {
  return {
    name: "reads",
    by: [{ kind: "key" }],
    algorithm: "fixed-window",
    quota: 3,
    windowMs: 60_000,
    burst: 0,
    mode: "enforce",
    onError: "closed",
    timeoutMs: 1_000,
    methods: null,
    prefix: { ipv4: 32, ipv6: 64 },
    ...more,
  };
}

export function limitInForce({ version = null, ...more }: Partial<LimitInForce> = {}): LimitInForce {
  return { ...filedLimit(more), version };
}
