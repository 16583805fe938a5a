/**
 * The fixed windows that are open at one moment: one for each length that is asked by. Rules of two lengths are asked by
 * in turns while a deploy changes a limit's window, and each of them counts whatever goes, whoever lets it go. So
 * neither cuts the other's window short, and nothing is left of a rule that nobody asks by once its window has ended.
 */

export interface OpenWindow {
  readonly startsAt: number;
  readonly endsAt: number;
  /** All that went from here on is counted in it, and may come back. */
  readonly since: number;
  readonly charged: number;
  /** What of it went beyond the quota, for work that was done. */
  readonly overdrawn: number;
  /** When it was asked by last; before its beginning where it is only followed. */
  readonly askedAt: number;
}

/** What may go in a window beside what is charged while it is open. */
export type Held = (from: number, to: number) => number;

/** More than are ever asked by in turns: one change of the configuration has two. */
const mostOpen = 4;

export function lengthOf({ startsAt, endsAt }: OpenWindow): number {
  return endsAt - startsAt;
}

/**
 * Without those that have ended. One that was asked by within a longer window is followed until that one ends: else what
 * went meanwhile would not be known when it is asked by again.
 */
export function openAt(windows: readonly OpenWindow[], now: number, held: Held): readonly OpenWindow[] {
  if (windows.every(({ endsAt }) => now < endsAt)) return windows;
  const open = windows.filter(({ endsAt }) => now < endsAt);
  return windows.flatMap((window) => {
    if (now < window.endsAt) return [window];
    const isFollowed = open.some((one) => lengthOf(one) > lengthOf(window) && one.startsAt <= window.askedAt);
    return isFollowed ? [emptyWindow(lengthOf(window), now, window.askedAt, held)] : [];
  });
}

/**
 * The window of this length that is open, and the others. Where none was, all that the fullest of the others has counted
 * may have gone in it. `knownFrom`: no window that was asked by before began after it.
 */
export function windowAmong(
  open: readonly OpenWindow[],
  windowMs: number,
  now: number,
  { held, knownFrom }: { readonly held: Held; readonly knownFrom: number },
): { readonly window: OpenWindow; readonly others: readonly OpenWindow[] } {
  const startsAt = startOf(now, windowMs);
  const known = open.find((one) => one.startsAt === startsAt && lengthOf(one) === windowMs);
  if (known !== undefined) return { window: known, others: open.filter((one) => one !== known) };
  const begun = emptyWindow(windowMs, now, -1, held);
  const since = Math.min(now, Math.max(startsAt, knownFrom));
  return {
    window: { ...begun, since, charged: begun.charged + mostCharged(open) },
    others: atMost(mostOpen - 1, open),
  };
}

/** Where all that went from that moment on is counted. */
function countsFrom({ since, endsAt }: OpenWindow, moment: number, now: number): boolean {
  return since <= moment && now < endsAt;
}

/** A rule's own window may give back all that its own askers were charged in it. */
export function mayHave(window: OpenWindow, moment: number, windowMs: number, now: number): boolean {
  const isOwn = lengthOf(window) === windowMs && window.startsAt <= moment && now < window.endsAt;
  return isOwn || countsFrom(window, moment, now);
}

export function isAsked({ askedAt, startsAt }: OpenWindow): boolean {
  return askedAt >= startsAt;
}

export function isOpenWindow(value: unknown): value is OpenWindow {
  const { startsAt, endsAt, since, charged, overdrawn, askedAt } = (value ?? {}) as Partial<OpenWindow>;
  return [startsAt, endsAt, since, charged, overdrawn, askedAt].every(Number.isFinite);
}

function emptyWindow(windowMs: number, now: number, askedAt: number, held: Held): OpenWindow {
  const startsAt = startOf(now, windowMs);
  const endsAt = startsAt + windowMs;
  return { startsAt, endsAt, since: startsAt, charged: held(startsAt, endsAt), overdrawn: 0, askedAt };
}

function startOf(now: number, windowMs: number): number {
  return Math.floor(now / windowMs) * windowMs;
}

function mostCharged(windows: readonly OpenWindow[]): number {
  return windows.reduce((most, { charged }) => Math.max(most, charged), 0);
}

/** Of too many the one that ends first is counted on by the next: whoever asks by it again finds no less. */
function atMost(most: number, windows: readonly OpenWindow[]): readonly OpenWindow[] {
  if (windows.length <= most) return windows;
  const [first, second, ...rest] = windows.toSorted((one, other) => one.endsAt - other.endsAt);
  if (first === undefined || second === undefined) return windows;
  const charged = mostCharged([first, second]);
  return [{ ...second, charged, since: Math.max(first.since, second.since) }, ...rest];
}
