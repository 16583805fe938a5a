/** What a caller may say. Whatever else it says is thrown back: it is a mistake of the program, never of its client. */

export function wholeNumber(what: string, value: number, least: number, most: number): number {
  const isRight = Number.isInteger(value) && value >= least && value <= most;
  const Mistake = typeof value === "number" ? RangeError : TypeError;
  return expected(isRight, `${what}, a whole number from ${least} to ${most}`, value, Mistake);
}

/** Part of an object's name, and of a header's. */
export function plainName(what: string, value: string): string {
  const form = /^[a-z0-9][a-z0-9._-]{0,63}$/;
  return expected(form.test(value), `${what} like ${form.source}`, value);
}

export function expected<Value>(
  isRight: boolean,
  what: string,
  value: Value,
  Mistake: ErrorConstructor = TypeError,
): Value {
  if (isRight) return value;
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  throw new Mistake(`cannot limit: expected ${what}: received ${shown}`);
}
