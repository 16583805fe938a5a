/** What is wrong with a configuration, said in one grammar: `path: expected …: received …`. */

export interface Mistake {
  /** Where it is, as one would write it: `routes[2].cache.tags[0]`; empty for the whole. */
  readonly path: string;
  readonly expected: string;
  readonly received: string;
}

/** Thrown by `compile`: the build stops, and nothing is deployed or started. Lists every mistake, not the first. */
export class ConfigurationError extends Error {
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
    super([`cannot use the configuration: ${count}`, ...mistakes.map((mistake) => `  ${lineOf(mistake)}`)].join("\n"));
    this.name = "ConfigurationError";
    this.mistakes = mistakes;
  }
}

export function lineOf({ path, expected, received }: Mistake): string {
  return `${path === "" ? "configuration" : path}: expected ${expected}: received ${received}`;
}

export type PathKey = string | number;

/** `["services", "a.b", "origins", 0]` → `services["a.b"].origins[0]`. */
export function pathOf(keys: readonly PathKey[]): string {
  let path = "";
  for (const key of keys) {
    if (typeof key === "number") path += `[${key}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(key)) path += path === "" ? key : `.${key}`;
    else path += `[${JSON.stringify(key)}]`;
  }
  return path;
}

const longestReceived = 80;
/** A secret written where its binding's name belongs must not end up in a build log. */
const secretName = /secret|password|token$|credential/i;

/** The value as the reader wrote it, cut where it is long. What may be a secret is described, not shown. */
export function receivedText(value: unknown, path: readonly PathKey[]): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  if (typeof value === "string" && typeof path.at(-1) === "string" && secretName.test(String(path.at(-1)))) {
    return `a text of ${value.length} characters`;
  }
  if (typeof value === "number") return String(value);
  const text = jsonOf(value);
  if (/:\/\/[^/?#"]*@/.test(text)) return "a URL with credentials";
  return text.length <= longestReceived ? text : `${text.slice(0, longestReceived)}…`;
}

function jsonOf(value: unknown): string {
  if (typeof value === "bigint" || typeof value === "symbol") return `a ${typeof value}`;
  try {
    return JSON.stringify(value, (key, member: unknown) => (secretName.test(key) ? "…" : member));
  } catch {
    // A cycle, or a bigint inside: that it is not plain data is all there is to say.
    return "something that is not plain data";
  }
}

/** `, perhaps "reads"` when a known name is near, else the names there are. */
export function suggestion(name: string, known: readonly string[]): string {
  let nearest: string | null = null;
  let least = name.length < 4 ? 2 : Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  if (nearest !== null) return `, perhaps ${JSON.stringify(nearest)}`;
  return known.length === 0
    ? "; there are none"
    : `: ${known.map((candidate) => JSON.stringify(candidate)).join(", ")}`;
}

/** Levenshtein's distance. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [i, character] of left.split("").entries()) {
    const next = [i + 1];
    for (const [j, other] of right.split("").entries()) {
      const replaced = (row[j] ?? 0) + (character === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
