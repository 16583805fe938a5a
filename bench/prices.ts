/**
 * What the platform charges beyond what the paid plan includes, USD. Read on 21 November 2026.
 *
 * Nothing that is included is taken off: a mesh that uses all of it up pays these prices for the rest.
 */

const million = 1_000_000;
const milliard = 1_000 * million;

/** https://developers.cloudflare.com/durable-objects/platform/pricing/ */
const objects = {
  /** Each call on a stub, and each alarm. */
  objectRequest: 0.15 / million,
  /** While an object works or waits; one that could hibernate is not charged. */
  objectGbSecond: 12.5 / million,
  rowRead: 1 / milliard,
  /** Deletions and `setAlarm` are rows too. */
  rowWritten: 1 / million,
} as const;

/** https://developers.cloudflare.com/queues/platform/pricing/ */
const queues = {
  /** A message of up to 64 KB takes three: it is written, read and deleted. */
  queueOperation: 0.4 / million,
} as const;

/** https://developers.cloudflare.com/workers/platform/pricing/ */
const workers = {
  workerRequest: 0.3 / million,
  processorMs: 0.02 / million,
} as const;

/** By the names of `Usage`, in the singular. */
export const prices = { ...objects, ...queues, ...workers } as const;

/** An object is charged for all the memory it may have: 128 MB, where 1 GB is 1000 MB. */
export const objectGb = 0.128;
