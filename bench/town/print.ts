/**
 * Counts towns and prints what was counted, as JSON: each of the settings that the first argument holds, as a JSON list.
 * A process of its own, because virtual time takes over its timers.
 */
import type { Counted, Plan } from "../count.ts";
import { live } from "./town.ts";

interface Surroundings {
  readonly argv: readonly string[];
  readonly stdout: { write(text: string): void };
}

// The runtime's types and Node's do not agree on what `process` is.
const { argv, stdout } = process as Surroundings;
const plans = JSON.parse(argv[2] ?? "[]") as readonly Plan[];
const counted: Counted[] = [];
for (const plan of plans) counted.push(await live(plan));
stdout.write(`${JSON.stringify(counted)}\n`);
