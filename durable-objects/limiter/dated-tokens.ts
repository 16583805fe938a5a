/**
 * Tokens by the moment at which they are spent at the latest, in the order of these moments. Exact up to 256 moments;
 * beyond that the two closest become one, the later: what is counted too long admits less, never more.
 */
export interface DatedTokens {
  /** The earliest of the moments that became one. */
  readonly from: number;
  readonly at: number;
  readonly tokens: number;
}

const mostMoments = 256;

export function withTokens(dated: readonly DatedTokens[], at: number, tokens: number): readonly DatedTokens[] {
  const before = dated.findLastIndex((one) => one.at <= at);
  const same = dated[before];
  if (same?.at === at) return dated.with(before, { ...same, tokens: same.tokens + tokens });
  const next = dated.toSpliced(before + 1, 0, { from: at, at, tokens });
  return next.length > mostMoments ? closestAsOne(next) : next;
}

/** Takes up to `tokens` away from the moment that `at` is, or has become a part of. */
export function withoutTokens(
  dated: readonly DatedTokens[],
  at: number,
  tokens: number,
): { readonly dated: readonly DatedTokens[]; readonly taken: number } {
  const index = dated.findIndex((one) => one.from <= at && at <= one.at);
  const found = dated[index];
  if (found === undefined) return { dated, taken: 0 };
  const taken = Math.min(tokens, found.tokens);
  if (taken === found.tokens) return { dated: dated.toSpliced(index, 1), taken };
  return { dated: dated.with(index, { ...found, tokens: found.tokens - taken }), taken };
}

export function sumOf(dated: readonly DatedTokens[]): number {
  return dated.reduce((sum, { tokens }) => sum + tokens, 0);
}

export function isDatedTokens(value: unknown): value is readonly DatedTokens[] {
  return Array.isArray(value) && value.every(isOne);
}

function isOne(value: unknown): boolean {
  const { from, at, tokens } = (value ?? {}) as Partial<Record<keyof DatedTokens, unknown>>;
  return [from, at, tokens].every((part) => typeof part === "number" && Number.isFinite(part));
}

function closestAsOne(dated: readonly DatedTokens[]): readonly DatedTokens[] {
  let closest = Infinity;
  let first = 0;
  for (const [index, { at }] of dated.entries()) {
    const apart = (dated[index + 1]?.at ?? Infinity) - at;
    if (apart >= closest) continue;
    closest = apart;
    first = index;
  }
  const [earlier, later] = dated.slice(first, first + 2);
  if (earlier === undefined || later === undefined) return dated;
  const one = { from: earlier.from, at: later.at, tokens: earlier.tokens + later.tokens };
  return dated.toSpliced(first, 2, one);
}
