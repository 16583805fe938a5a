/** Sets faults in every isolate of a mesh, and adds up what they tell. */
import { controlPath, secretHeader } from "./faults/intercept.mjs";
import type { Fault, FaultReport } from "./faults/rule.ts";

/** One isolate's door: an edge's address, or the internal one of the worker that owns the objects. */
export interface FaultDoor {
  readonly name: string;
  readonly url: string;
}

export class FaultControl {
  readonly #doors: readonly FaultDoor[];
  readonly #secret: string;

  constructor(doors: readonly FaultDoor[], secret: string) {
    this.#doors = doors;
    this.#secret = secret;
  }

  /** In place of those before, in every isolate; resolves when all of them have them. */
  async set(...faults: readonly Fault[]): Promise<void> {
    await Promise.all(this.#doors.map((door) => this.#ask(door, "PUT", JSON.stringify(faults))));
  }

  /** Ends all faults and begins the counts again. */
  async clear(): Promise<void> {
    await Promise.all(this.#doors.map((door) => this.#ask(door, "DELETE")));
  }

  /** How often each rule has struck, by its id, in all isolates: a test of a fault sees that it bit. */
  async hits(): Promise<Readonly<Record<string, number>>> {
    const total: Record<string, number> = {};
    for (const { rules } of await this.reports()) {
      for (const { id, hits } of rules) total[id] = (total[id] ?? 0) + hits;
    }
    return total;
  }

  /**
   * How often each thing was called since the start or the last `clear`: `LANE>CLASS.METHOD` to a count, e.g.
   * `fetch>Limiter.charge`. Of all isolates, or of those whose name (`edge-weur-1`, `objects`) is given.
   */
  async calls(...names: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const total: Record<string, number> = {};
    for (const { calls } of await this.reports(...names)) {
      for (const [key, count] of Object.entries(calls)) total[key] = (total[key] ?? 0) + count;
    }
    return total;
  }

  /** For people, who set them by hand: each isolate has its own. */
  howTo(): string {
    const doors = this.#doors.map(({ name, url }) => `${name} ${url}`).join(", ");
    return `PUT, GET or DELETE ${controlPath} with the header ${secretHeader}: ${this.#secret} at each of ${doors}`;
  }

  reports(...names: readonly string[]): Promise<FaultReport[]> {
    const doors = names.length === 0 ? this.#doors : this.#doors.filter(({ name }) => names.includes(name));
    return Promise.all(doors.map((door) => this.#ask(door, "GET")));
  }

  async #ask(door: FaultDoor, method: string, body: string | null = null): Promise<FaultReport> {
    const headers = { [secretHeader]: this.#secret, "Content-Type": "application/json" };
    const response = await fetch(new URL(controlPath, door.url), { method, headers, body });
    const answer = (await response.json()) as FaultReport & { readonly error?: string };
    if (!response.ok) throw new Error(`cannot set faults at ${door.name}: ${answer.error ?? response.status}`);
    return answer;
  }
}
