/**
 * Whether the mesh can sign tokens at all. The Keyring says it, and its word is kept for a moment: neither a flood of
 * made-up refresh tokens nor one of health checks asks it more often.
 */
import type { KeyringProblem, ReadyAnswer } from "../../durable-objects/keyring/contract.ts";
import { inTime } from "../../durable-objects/platform/deadline.ts";

interface Said {
  readonly problem: KeyringProblem | null;
  /** ms since 1970. */
  readonly until: number;
}

const keptMs = 2_000;
const callMs = 1_000;

export class Signing {
  readonly #ask: () => Promise<ReadyAnswer>;
  readonly #clock: () => number;
  #said: Said | null = null;

  /** `ask` asks a fresh stub at each call. */
  constructor(ask: () => Promise<ReadyAnswer>, clock: () => number = Date.now) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Why it cannot; null when it can, or when nobody could say: a Keyring that is silent now may sign in a moment. */
  async problem(): Promise<KeyringProblem | null> {
    const now = this.#clock();
    const said = this.#said;
    // A clock that was set back must not keep it for longer.
    if (said !== null && now < said.until && said.until - now <= keptMs) return said.problem;
    // Who comes meanwhile goes by the word of before.
    if (said !== null) this.#said = { ...said, until: now + keptMs };
    const problem = await this.#asked(said?.problem ?? null);
    this.#said = { problem, until: this.#clock() + keptMs };
    return problem;
  }

  async #asked(before: KeyringProblem | null): Promise<KeyringProblem | null> {
    try {
      const ended = await inTime(this.#ask(), callMs);
      if (ended.kind === "late") return before;
      return ended.answer.kind === "refused" ? ended.answer.reason : null;
    } catch (error) {
      // Also one of older code, which does not know the question.
      console.warn({ event: "keyring_unreachable", error: error instanceof Error ? error.message : "unknown" });
      return before;
    }
  }
}
