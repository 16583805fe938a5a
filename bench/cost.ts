/** What was used, and what it costs. Pure. */
import { objectGb, prices } from "./prices.ts";

/** Beyond what a bare Worker uses for the same requests. */
export interface Usage {
  readonly objectRequests: number;
  /** How long objects were at work or waiting, ms. */
  readonly objectMs: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly queueOperations: number;
  readonly workerRequests: number;
  readonly processorMs: number;
}

export const nothing: Usage = {
  objectRequests: 0,
  objectMs: 0,
  rowsRead: 0,
  rowsWritten: 0,
  queueOperations: 0,
  workerRequests: 0,
  processorMs: 0,
};

export function plus(one: Usage, other: Usage): Usage {
  return {
    objectRequests: one.objectRequests + other.objectRequests,
    objectMs: one.objectMs + other.objectMs,
    rowsRead: one.rowsRead + other.rowsRead,
    rowsWritten: one.rowsWritten + other.rowsWritten,
    queueOperations: one.queueOperations + other.queueOperations,
    workerRequests: one.workerRequests + other.workerRequests,
    processorMs: one.processorMs + other.processorMs,
  };
}

export function times(usage: Usage, factor: number): Usage {
  return {
    objectRequests: usage.objectRequests * factor,
    objectMs: usage.objectMs * factor,
    rowsRead: usage.rowsRead * factor,
    rowsWritten: usage.rowsWritten * factor,
    queueOperations: usage.queueOperations * factor,
    workerRequests: usage.workerRequests * factor,
    processorMs: usage.processorMs * factor,
  };
}

/** USD. */
export function costOf(usage: Usage): number {
  return (
    usage.objectRequests * prices.objectRequest +
    (usage.objectMs / 1_000) * objectGb * prices.objectGbSecond +
    usage.rowsRead * prices.rowRead +
    usage.rowsWritten * prices.rowWritten +
    usage.queueOperations * prices.queueOperation +
    usage.workerRequests * prices.workerRequest +
    usage.processorMs * prices.processorMs
  );
}

/** USD for a million requests, when so many used this. */
export function costOfMillion(usage: Usage, requests: number): number {
  if (requests <= 0) throw new RangeError(`cannot tell what a million requests cost: received ${requests} of them`);
  return costOf(times(usage, 1_000_000 / requests));
}
