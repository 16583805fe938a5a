/** Lines that wait until they may be shown: what the Workers say meanwhile is not mixed into what is being printed. */
export class HeldLines {
  readonly #write: (line: string) => void;
  #held: string[] | null = [];

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  say(line: string): void {
    if (this.#held === null) this.#write(line);
    else this.#held.push(line);
  }

  /** Shows what was held, and from here on everything at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const line of held) this.#write(line);
  }
}
