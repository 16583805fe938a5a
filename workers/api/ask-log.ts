/** Asks the Log something that changes nothing; who cannot be answered in time is told to try again. */
import type { LogContract } from "../../durable-objects/log/contract.ts";
import { withinTime } from "../../durable-objects/platform/deadline.ts";
import { logStub } from "../../durable-objects/stubs.ts";
import type { Isolate } from "../isolate.ts";
import { refused } from "./refused.ts";

const callMs = 3_000;

export async function askLog<Answer>(isolate: Isolate, ask: (log: LogContract) => Promise<Answer>): Promise<Answer> {
  try {
    return await withinTime(ask(logStub(isolate.env, isolate.mesh.environment)), callMs, "the Log");
  } catch (error) {
    console.warn({ event: "log_unreachable", error: error instanceof Error ? error.message : "unknown" });
    throw refused("overloaded", "the Log could not be asked", { headers: { "Retry-After": "1" } });
  }
}
