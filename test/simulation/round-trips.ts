/**
 * How far the platform's regions are from each other: published round trips between one data centre in each.
 *
 * Microsoft, "Azure network round-trip latency statistics": the median of 30 days ending on 30 July 2026, in whole ms,
 * from the region of the row to that of the column.
 * https://learn.microsoft.com/en-us/azure/networking/azure-network-latency
 * The platform that objects run on publishes no such table; distances between cities are the same for both.
 */
import { regionNames, type RegionName } from "../../durable-objects/names.ts";

/** Which of the table's regions stands for which location hint. */
export const measuredAt: Readonly<Record<RegionName, string>> = {
  wnam: "West US",
  enam: "East US",
  sam: "Brazil South",
  weur: "West Europe",
  eeur: "Poland Central",
  apac: "Southeast Asia",
  oc: "Australia East",
  afr: "South Africa North",
  me: "UAE North",
};

/** Within a region: what the table says of its two nearest neighbours there, East US and East US 2. */
const withinMs = 8;

const betweenMs: Readonly<Record<RegionName, readonly number[]>> = {
  // In the order of the names: wnam, enam, sam, weur, eeur, apac, oc, afr, me.
  wnam: [withinMs, 67, 169, 145, 161, 170, 140, 273, 234],
  enam: [69, withinMs, 117, 83, 100, 224, 201, 219, 174],
  sam: [169, 118, withinMs, 185, 203, 331, 295, 321, 277],
  weur: [146, 85, 185, withinMs, 23, 169, 265, 166, 111],
  eeur: [161, 102, 203, 22, withinMs, 184, 278, 186, 119],
  apac: [170, 224, 330, 169, 184, withinMs, 95, 177, 83],
  oc: [140, 202, 295, 264, 278, 95, withinMs, 328, 172],
  afr: [272, 220, 321, 166, 185, 177, 328, withinMs, 103],
  me: [236, 176, 274, 111, 116, 83, 173, 103, withinMs],
};

/** From a request to its answer, ms. */
export function roundTripMs(from: RegionName, to: RegionName): number {
  const found = betweenMs[from][regionNames.indexOf(to)];
  if (found === undefined) throw new Error(`cannot tell how far it is: ${to} is not in the table`);
  return found;
}
