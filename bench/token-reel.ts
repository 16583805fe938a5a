/** Tokens that requests take one after the other, in a circle: each run goes on where the last one ended. */
import { writeFileSync } from "node:fs";

export class TokenReel {
  /** One a line, for a load that reads them itself. */
  readonly file: string;
  readonly #tokens: readonly string[];
  #turn = 0;

  private constructor(file: string, tokens: readonly string[]) {
    this.file = file;
    this.#tokens = tokens;
  }

  static write(file: string, tokens: readonly string[]): TokenReel {
    if (tokens.length === 0) throw new Error("cannot take tokens in turns: received none");
    writeFileSync(file, `${tokens.join("\n")}\n`);
    return new TokenReel(file, tokens);
  }

  /** Another one over the same tokens, with turns of its own. */
  again(): TokenReel {
    return new TokenReel(this.file, this.#tokens);
  }

  /** Whose turn it is, from 0. */
  get turn(): number {
    return this.#turn;
  }

  next(): string {
    const token = this.#tokens[this.#turn] ?? "";
    this.pass(1);
    return token;
  }

  /** So many were taken by who reads the file. */
  pass(many: number): void {
    this.#turn = (this.#turn + many) % this.#tokens.length;
  }
}
