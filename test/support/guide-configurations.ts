/**
 * The configurations of the guides that have a mesh of their own, as files, built in the order in which they will be
 * asked for, one at a time: a build takes seconds, and what runs meanwhile hardly uses the machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildBundle } from "../../local/bundle.ts";

const root = join(import.meta.dirname, "..", "..");
const cacheDirectory = join(root, "dist", "local");

/** Shorter than a guide's: what a reader waits for is waited for here, too. */
const leases = { viewLeaseMs: 200, regionLeaseMs: 500 };

export interface GuideConfiguration {
  readonly file: string;
  readonly built: Promise<unknown>;
}

export class GuideConfigurations {
  #last: Promise<unknown> = Promise.resolve();

  add(name: string, settings: object): GuideConfiguration {
    mkdirSync(cacheDirectory, { recursive: true });
    const file = join(cacheDirectory, `guide-${name}.config.ts`);
    writeFileSync(file, `export default ${JSON.stringify({ ...settings, environment: "local", ...leases })};\n`);
    const built = this.#last.then(() => buildBundle({ root, configFile: file, cacheDirectory }));
    // Whoever begins a mesh with it hears of a failure; the next build does not depend on it.
    this.#last = built.catch(() => null);
    return { file, built };
  }

  /** When nothing is built any more. */
  async settled(): Promise<void> {
    await this.#last;
  }
}
