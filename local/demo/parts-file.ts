import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { firstParts, type Part } from "./part.ts";

/**
 * All parts, in memory and in a JSON file. Every change is in the file before it is answered, and the file is replaced
 * as a whole: whoever kills the process finds the parts before the change or after it.
 */
export class PartsFile {
  readonly #file: string;
  #read: Map<string, Part> | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  get(id: string): Part | undefined {
    return this.#parts.get(id);
  }

  all(): Part[] {
    return [...this.#parts.values()];
  }

  put(part: Part): void {
    this.#save(new Map(this.#parts).set(part.id, part));
    this.#parts.set(part.id, part);
  }

  remove(id: string): void {
    const rest = new Map(this.#parts);
    rest.delete(id);
    this.#save(rest);
    this.#parts.delete(id);
  }

  /** One more than the highest number among the ids. */
  nextId(): string {
    const numbers = [...this.#parts.keys()].map(Number).filter((number) => Number.isSafeInteger(number));
    return String(Math.max(0, ...numbers) + 1);
  }

  /** Read at the first use: a mesh that begins afresh takes the file away before. */
  get #parts(): Map<string, Part> {
    this.#read ??= new Map(this.#load().map((part) => [part.id, part]));
    return this.#read;
  }

  #load(): readonly Part[] {
    return existsSync(this.#file) ? (JSON.parse(readFileSync(this.#file, "utf8")) as readonly Part[]) : firstParts;
  }

  #save(parts: ReadonlyMap<string, Part>): void {
    mkdirSync(dirname(this.#file), { recursive: true });
    const beside = `${this.#file}.new`;
    writeFileSync(beside, JSON.stringify([...parts.values()], null, 2));
    renameSync(beside, this.#file);
  }
}
