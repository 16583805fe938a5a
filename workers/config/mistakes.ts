/** Collects mistakes while a configuration is read: one wrong part does not hide what is wrong with the others. */
import * as v from "valibot";
import { ConfigurationError, pathOf, receivedText, type Mistake, type PathKey } from "./refusal.ts";

export class Mistakes {
  readonly #found: Mistake[] = [];

  add(path: readonly PathKey[], expected: string, value: unknown): void {
    this.#found.push({ path: pathOf(path), expected, received: receivedText(value, path) });
  }

  /** What `schema` makes of `value`; null when it is wrong, and then every reason is on the list. */
  read<Schema extends v.GenericSchema>(
    schema: Schema,
    value: unknown,
    at: readonly PathKey[],
  ): v.InferOutput<Schema> | null {
    const result = v.safeParse(schema, value);
    if (result.success) return result.output;
    for (const issue of result.issues) {
      const keys = issue.path?.map(({ key }) => (typeof key === "number" ? key : String(key))) ?? [];
      this.add([...at, ...keys], issue.message, issue.input);
    }
    return null;
  }

  /** What `work` returns; null when it throws, as the compilers of patterns and networks do. */
  attempt<Result>(work: () => Result, path: readonly PathKey[], value: unknown): Result | null {
    try {
      return work();
    } catch (error) {
      // Their messages say `cannot …: expected …`, and some also what was received, which is said here anyway.
      const message = error instanceof Error ? error.message : String(error);
      this.add(path, /^.*: expected (.*?)(?:: received .*)?$/s.exec(message)?.[1] ?? message, value);
      return null;
    }
  }

  throwIfAny(): void {
    if (this.#found.length > 0) throw new ConfigurationError(this.#found);
  }
}
