/**
 * Which rule holds: the newest version that was ever seen here, whoever asks. An edge that has not heard of a change
 * yet is answered by the new rule all the same. Rules of one version may differ only while a deploy changes the file:
 * each then counts for the one who brings it, over the same tokens.
 */
import type { Rule } from "./contract.ts";
import type { Ledger } from "./ledger.ts";

export class RuleBook {
  readonly #ledger: Ledger;
  #version: number;
  #quota: number;
  #windowMs: number;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#version = ledger.fact("rule_version") ?? 0;
    this.#quota = ledger.fact("rule_quota") ?? 0;
    this.#windowMs = ledger.fact("rule_window_ms") ?? 1;
  }

  newest(brought: Rule): Rule {
    if (brought.version > this.#version) this.#adopt(brought);
    if (brought.version === this.#version) return brought;
    return { ...brought, version: this.#version, quota: this.#quota, windowMs: this.#windowMs };
  }

  #adopt({ version, quota, windowMs }: Rule): void {
    this.#ledger.saveFact("rule_version", version);
    this.#ledger.saveFact("rule_quota", quota);
    this.#ledger.saveFact("rule_window_ms", windowMs);
    this.#version = version;
    this.#quota = quota;
    this.#windowMs = windowMs;
  }
}
