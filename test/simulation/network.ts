/** A network that delays, loses, doubles and reorders every message and every reply, and can be cut between two hosts. */
import type { VirtualTime } from "./virtual-time.ts";

export interface Weather {
  readonly loss: number;
  readonly doubling: number;
  /** One way, ms; now and then ten times as much. */
  readonly mostDelayMs: number;
}

export type Reply<Answer> = (answer: Answer) => void;

export class Network {
  weather: Weather;
  readonly #time: VirtualTime;
  readonly #cut = new Set<string>();

  constructor(time: VirtualTime, weather: Weather) {
    this.#time = time;
    this.weather = weather;
  }

  /** `lane` names who speaks to whom: `log>weur`, `weur>log`, `edge>weur`. */
  cut(lane: string, ms: number): void {
    this.#cut.add(lane);
    this.#time.after(ms, () => this.#cut.delete(lane));
  }

  heal(): void {
    this.#cut.clear();
    this.weather = { loss: 0, doubling: 0, mostDelayMs: 20 };
  }

  /** Arrives once, twice or never. */
  send(lane: string, deliver: () => void): void {
    if (this.#cut.has(lane) || this.#time.chance(this.weather.loss)) return;
    this.#time.after(this.#delay(), deliver);
    if (this.#time.chance(this.weather.doubling)) this.#time.after(this.#delay() * 3, deliver);
  }

  /** A call: `done` is called once, with the answer or, when that has not come within `timeoutMs`, with null. */
  call<Answer>(
    lane: string,
    timeoutMs: number,
    handle: (reply: Reply<Answer>) => void,
    done: (answer: Answer | null) => void,
  ): void {
    let isOpen = true;
    const end = (answer: Answer | null): void => {
      if (!isOpen) return;
      isOpen = false;
      done(answer);
    };
    this.#time.after(timeoutMs, () => end(null));
    this.send(lane, () => handle((answer) => this.send(lane, () => end(answer))));
  }

  #delay(): number {
    const usual = this.#time.between(1, this.weather.mostDelayMs);
    return this.#time.chance(0.05) ? usual * 10 : usual;
  }
}
