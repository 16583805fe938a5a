import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Prints `N passed, N failed` (and `, N skipped`) as the very last line of the process.
 *
 * A file that does not load and an error that no test caught count as one failure each; so does a run in which no test
 * ran, whatever the reason: the line never reports a success that nothing proved.
 */
export class ClosingLine implements Reporter {
  #counts: Counts | undefined;

  onInit(): void {
    process.once("exit", (code) => {
      this.#close(code);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#counts = count(modules, unhandled.length);
  }

  #close(code: number): void {
    const { passed, failed, skipped } = this.#counts ?? { passed: 0, failed: 0, skipped: 0 };
    const nothingRan = passed === 0 && failed === 0;
    const failedElsewhere = failed === 0 && code !== 0;
    if (nothingRan) process.stderr.write("no test ran\n");
    const failures = failed + (nothingRan || failedElsewhere ? 1 : 0);
    if (failures > 0 && code === 0) process.exitCode = 1;
    const rest = skipped > 0 ? `, ${skipped} skipped` : "";
    process.stdout.write(`${passed} passed, ${failures} failed${rest}\n`);
  }
}

function count(modules: readonly TestModule[], unhandled: number): Counts {
  const counts = { passed: 0, failed: unhandled, skipped: 0 };
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "pending") counts.failed += 1;
      else counts[state] += 1;
    }
    // An error outside the tests: the file did not load, or a hook of it failed.
    if (module.errors().length > 0) counts.failed += 1;
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) counts.failed += 1;
    }
  }
  return counts;
}
