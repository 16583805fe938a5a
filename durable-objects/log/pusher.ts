/**
 * The fast lane: the Log itself hands a region what it lacks. Each region has its own few calls under way, each with a
 * deadline, so that one that hangs delays nobody; what they could not do is left to renewals and to the alarm.
 */
import { withinTime } from "../platform/deadline.ts";
import type { RegionName } from "../names.ts";
import type { AppliedReport, BroadcastMessage } from "./contract.ts";
import type { ApplyAnswer } from "../region/contract.ts";

export interface PushPorts {
  /** A fresh port for each call: after an exception the last one is dead. */
  readonly apply: (region: RegionName, message: BroadcastMessage) => Promise<ApplyAnswer>;
  readonly messageFor: (region: RegionName) => BroadcastMessage;
  readonly head: () => number;
  readonly report: (report: AppliedReport) => void;
}

const deadlineMs = 1_000;
/** Calls to one region at the same time: each carries all that the region is known to lack. */
const mostCalls = 4;

export class Pusher {
  readonly #ports: PushPorts;
  readonly #calls = new Map<RegionName, number>();
  readonly #again = new Set<RegionName>();

  constructor(ports: PushPorts) {
    this.#ports = ports;
  }

  /** Resolves when the region has answered, failed or been silent for too long; never rejects. */
  async push(region: RegionName): Promise<void> {
    const calls = this.#calls.get(region) ?? 0;
    if (calls >= mostCalls) {
      this.#again.add(region);
      return;
    }
    this.#calls.set(region, calls + 1);
    let isMoving = false;
    try {
      isMoving = await this.#call(region);
    } finally {
      const left = (this.#calls.get(region) ?? 1) - 1;
      if (left === 0) this.#calls.delete(region);
      else this.#calls.set(region, left);
    }
    if (isMoving || this.#again.delete(region)) await this.push(region);
  }

  /** Whether the region took this and lacks more. */
  async #call(region: RegionName): Promise<boolean> {
    const message = this.#ports.messageFor(region);
    try {
      const answer = await withinTime(this.#ports.apply(region, message), deadlineMs, `region ${region}`);
      if (answer.kind === "behind") return false;
      const { epoch, applied, viewsEndMs } = answer;
      this.#ports.report({ region, epoch, applied, viewsEndMs });
      return epoch === message.epoch && applied > message.after && applied < this.#ports.head();
    } catch (error) {
      // The region's lease ends without it, or a renewal brings the events: receipts say `pending` until then.
      console.warn({ event: "push_failed", region, to: message.to, error: String(error) });
      return false;
    }
  }
}
