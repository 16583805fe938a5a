/**
 * `npm run bench`: every measure in one run, as one table.
 *
 * What is compared runs side by side and in turns on this machine, so only the ratios say anything; what is counted
 * (calls, and what they cost) is the same on every machine. `--quick` is for seeing that it runs, `--only P3,P8`
 * measures these.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { gateSpeed } from "./gate-speed.ts";
import { findLoader } from "./load.ts";
import { hotKey } from "./hot-key.ts";
import { objectCalls } from "./object-calls.ts";
import { platformCost } from "./platform-cost.ts";
import { tableOf, type Measure, type Row } from "./table.ts";
import { verification } from "./verification.ts";
import { weight } from "./weight.ts";

const measures: readonly Measure[] = [gateSpeed, hotKey, verification, weight, platformCost, objectCalls];

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, only: { type: "string" } } });

const rows: Row[] = [];
for (const measure of chosen(values.only)) rows.push(...(await measure.run(values.quick)));
const processor = cpus()[0]?.model ?? "unknown processor";
const { name: loader } = await findLoader();
const rounds = values.quick ? "1 round of 1 s" : "5 rounds of 3 s";
process.stdout.write(
  `\n${processor}, ${cpus().length} cores, all sides and the load (${loader}, 32 connections) on them, ${rounds}\n\n${tableOf(rows)}`,
);

function chosen(only: string | undefined): readonly Measure[] {
  if (only === undefined) return measures;
  const wanted = only.split(",");
  const known = measures.flatMap(({ ids }) => ids);
  const unknown = wanted.find((id) => !known.includes(id));
  if (unknown !== undefined) throw new Error(`cannot measure ${unknown}: expected any of ${known.join(",")}`);
  return measures.filter(({ ids }) => ids.some((id) => wanted.includes(id)));
}
