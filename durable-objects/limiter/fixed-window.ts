/**
 * Fixed windows: in each window, from one multiple of its length to the next by the object's clock, at most the quota.
 *
 * A window lease is spent inside its window or not at all. A paced lease is spent by an asker that needs few tokens:
 * `tokens` in every interval that is surely as long as a window, charged to the current window and to each of those
 * that begin while the lease lives. Half of the quota is always left for those who have no such lease.
 */
import type { Ask, Counter, Grant, Standing, Terms } from "./counter.ts";
import { LeaseShare } from "./lease-share.ts";
import { isAsked, isOpenWindow, lengthOf, mayHave, openAt, windowAmong, type OpenWindow } from "./open-windows.ts";
import { heldAhead, heldIn, isPaced, lifeOf, pacedEnd, pacedLease, type Span } from "./paced-spans.ts";
import type { TokenLease } from "./contract.ts";

type Granted = Grant & { readonly kind: "granted" };
type Payer = Pick<Terms, "quota" | "windowMs">;

interface Lost {
  readonly tokens: number;
  readonly at: number;
  /** Of windows of this length; null for all. Not written by the versions before. */
  readonly windowMs?: number | null;
}

/** How it stands at a moment under some terms. */
interface Look {
  /** The window of these terms. */
  readonly window: OpenWindow;
  readonly others: readonly OpenWindow[];
  readonly debt: number;
  readonly paidTo: number;
}

/** What is left to decide with. */
interface Room {
  readonly window: OpenWindow;
  readonly now: number;
  readonly left: number;
}

/** More losses are never remembered apart: of more the two oldest become one. */
const mostLost = 8;

export class FixedWindow implements Counter {
  #windows: readonly OpenWindow[];
  #spans: readonly Span[] = [];
  #lost: readonly Lost[];
  /** Charged beyond the quota for work that was done: the following windows pay for it. */
  #debt: number;
  /** The rule that was asked by last, whose windows have paid of a debt since; null for the one that is asked about. */
  #payer: Payer | null;
  /** Windows that begin from here on pay: no time is paid with twice. */
  #paidTo: number;
  readonly #share = new LeaseShare();

  constructor({ windows, lost, debt, payer, paidTo }: Written = unwritten) {
    this.#windows = windows;
    this.#lost = lost;
    this.#debt = debt;
    this.#payer = payer;
    this.#paidTo = paidTo;
  }

  adopt(terms: Terms, now: number): boolean {
    const { quota, windowMs } = terms;
    if (this.#payer?.quota === quota && this.#payer.windowMs === windowMs) return false;
    // What the window of now pays of it depends on the terms as well.
    const before = this.#debt;
    const { endsAt } = this.#current(terms, now);
    this.#payer = { quota, windowMs };
    this.#paidTo = Math.min(this.#paidTo, endsAt);
    return before > 0 || this.#windows.some((one) => lengthOf(one) !== windowMs && one.charged > 0);
  }

  offer(ask: Ask, terms: Terms, now: number): Grant {
    const window = this.#current(terms, now);
    const left = terms.quota - window.charged;
    const stamp = window.since;
    if (ask.isDebt) return { kind: "granted", tokens: ask.demand, lease: null, moved: ask.demand, stamp };
    if (terms.quota === 0 || ask.cost > left) {
      const isEver = ask.cost <= terms.quota && terms.quota > 0;
      const retryMs = isEver ? this.#foundAgainAt(ask.cost, terms, window) - now : null;
      return { kind: "refused", retryMs, sameForMs: window.endsAt - now };
    }
    const tokens = Math.min(ask.demand, left);
    const paced = this.#pacedLease(ask.paced, terms, { window, now, left: left - tokens });
    if (paced !== null) return { kind: "granted", tokens, moved: tokens + ask.paced, stamp, ...paced };
    const lease = this.#windowLease(ask, terms, { window, now, left }, tokens);
    return { kind: "granted", tokens, lease, moved: tokens + (lease?.tokens ?? 0), stamp };
  }

  take({ moved, lease }: Granted, ask: Ask, terms: Terms, now: number): void {
    const window = this.#current(terms, now);
    const left = Math.max(0, terms.quota - window.charged);
    this.#share.hear({ tokens: ask.demand + ask.lease, nth: ask.nth }, restOf(window, now), left);
    const over = ask.isDebt ? Math.max(0, moved - left) : 0;
    this.#debt += over;
    const { windowMs } = terms;
    const span = { from: window.endsAt, to: pacedEnd(terms, now), windowMs, tokens: lease?.tokens ?? 0 };
    const spans = isPaced(lease) ? [span] : [];
    if (spans.length > 0) this.#spans = [...this.#spans, span];
    this.#windows = this.#windows.map((one) => ({
      ...one,
      charged: one.charged + moved + heldIn(spans, one.startsAt, one.endsAt),
      overdrawn: one.overdrawn + (one === window ? over : 0),
    }));
  }

  /** In whichever windows they are counted; that they came back is told where that is all of them. */
  putBack(stamp: number, tokens: number, { quota, windowMs }: Terms, now: number): number {
    let told = tokens;
    this.#windows = this.#windows.map((one) => {
      if (!mayHave(one, stamp, windowMs, now)) {
        if (now < one.endsAt) told = 0;
        return one;
      }
      const back = Math.min(tokens, one.charged);
      told = Math.min(told, back);
      const charged = one.charged - back;
      if (lengthOf(one) !== windowMs) return { ...one, charged };
      // Only what this window has made of it: the rest is owed by the windows before.
      const forgiven = Math.min(one.overdrawn, Math.max(0, one.charged - quota) - Math.max(0, charged - quota));
      this.#debt = Math.max(0, this.#debt - forgiven);
      return { ...one, charged, overdrawn: one.overdrawn - forgiven };
    });
    return this.#windows.some((one) => mayHave(one, stamp, windowMs, now)) ? told : 0;
  }

  assume(tokens: number, at: number): void {
    this.#miss({ tokens, at, windowMs: null });
  }

  lose(tokens: number, at: number, { windowMs }: Terms): void {
    this.#miss({ tokens, at, windowMs });
  }

  /** A look: under whatever terms, it changes nothing. */
  standing(terms: Terms, now: number): Standing {
    const { window } = this.#look(terms, now);
    const remaining = Math.max(0, terms.quota - window.charged);
    const resetMs = this.#foundAgainAt(1, terms, window) - now;
    return { used: window.charged, remaining, resetMs, sameForMs: window.endsAt - now };
  }

  owed(terms: Terms, now: number): number {
    return this.#look(terms, now).debt;
  }

  endsAt({ quota, windowMs }: Terms): number {
    const end = Math.max(lastOf(this.#windows)?.endsAt ?? 0, ...this.#spans.map(({ to }) => to));
    if (this.#debt === 0 || quota === 0) return end;
    // Whole windows pay, and the open one may have been another rule's.
    return (Math.ceil(end / windowMs) + Math.ceil(this.#debt / quota)) * windowMs;
  }

  allowanceEndsAt(terms: Terms, now: number): number {
    return this.#current(terms, now).endsAt;
  }

  image(): string {
    const { startsAt, endsAt, charged } = lastOf(this.#windows) ?? { startsAt: 0, endsAt: 0, charged: 0 };
    const written: Written = {
      windows: this.#windows,
      lost: this.#lost,
      debt: this.#debt,
      payer: this.#payer,
      paidTo: this.#paidTo,
    };
    return JSON.stringify({ v: 1, startsAt, endsAt, charged, ...written } satisfies Image);
  }

  /** The first window's beginning that no lost count spoils for such a cost. */
  #foundAgainAt(cost: number, { quota, windowMs }: Terms, { endsAt }: OpenWindow): number {
    const lost = this.#lost.filter((one) => isOf(one, windowMs) && one.tokens + cost > quota);
    return lost.reduce((latest, { at }) => Math.max(latest, Math.ceil(at / windowMs) * windowMs), endsAt);
  }

  #miss(lost: Lost): void {
    this.#lost = withLost(this.#lost, lost);
    this.#windows = this.#windows.map((one) => ({
      ...one,
      charged: one.charged + lostFrom([lost], one.startsAt, lengthOf(one)),
    }));
  }

  #current(terms: Terms, now: number): OpenWindow {
    const { window, others, debt, paidTo } = this.#look(terms, now);
    const before = this.#windows.find((one) => lengthOf(one) === terms.windowMs);
    if (before?.startsAt !== window.startsAt || !isAsked(before)) {
      this.#share.windowBegins(before !== undefined && before.askedAt >= window.startsAt - terms.windowMs);
      this.#spans = this.#spans.filter(({ to }) => to > now);
    }
    this.#windows = [...others, window];
    this.#debt = debt;
    this.#paidTo = paidTo;
    return window;
  }

  /** Who asks first in a window finds it charged with what it pays of a debt, or of what others are paying for. */
  #look({ quota, windowMs }: Terms, now: number): Look {
    const paidTo = this.#paidTo;
    const held = (from: number, to: number) => heldIn(this.#spans, from, to) + lostFrom(this.#lost, from, to - from);
    const open = openAt(this.#windows, now, held);
    const { window, others } = windowAmong(open, windowMs, now, { held, knownFrom: paidTo === 0 ? now : paidTo });
    const asked = { ...window, askedAt: now };
    if (isAsked(window)) return { window: asked, others, debt: this.#debt, paidTo };
    const { startsAt, endsAt } = window;
    const isPaying = now >= paidTo;
    const payer = this.#payer ?? { quota, windowMs };
    const paid = isPaying && paidTo > 0 ? wholeWindows(paidTo, startsAt, payer.windowMs) * payer.quota : 0;
    const owed = Math.max(0, this.#debt - paid);
    const pays = Math.min(owed, quota);
    const charged = { ...asked, charged: window.charged + pays };
    if (!isPaying) return { window: charged, others, debt: owed, paidTo };
    return { window: charged, others, debt: quota === 0 ? 0 : owed - pays, paidTo: endsAt };
  }

  #windowLease(ask: Ask, { quota }: Terms, { window, now, left }: Room, tokens: number): TokenLease | null {
    const lifeMs = lifeOf(window.endsAt - now);
    if (ask.lease === 0 || lifeMs <= 0) return null;
    const wish = { tokens: ask.demand + ask.lease, nth: ask.nth };
    const share = this.#share.of(wish, left, quota, restOf(window, now));
    const most = Math.min(ask.lease, left - tokens, Math.max(0, share - tokens));
    // What cannot pay for another request like this one would only be stranded.
    const leased = most - (most % Math.max(1, ask.cost));
    return leased > 0 ? { tokens: leased, lifeMs, everyMs: null } : null;
  }

  /** Half of the quota is never held in advance, in this window or in any that the lease reaches. */
  #pacedLease(tokens: number, terms: Terms, { window, now, left }: Room): Pick<Granted, "lease" | "ahead"> | null {
    const { quota, windowMs } = terms;
    if (tokens === 0 || tokens > left || !this.#share.isQuiet(quota)) return null;
    const ahead = heldAhead(this.#spans, window.endsAt, windowMs) + tokens;
    const lost = lostFrom(this.#lost, window.endsAt, windowMs);
    if (Math.max(window.charged + tokens, ahead + lost) * 2 > quota) return null;
    const lease = pacedLease(tokens, terms, now);
    return lease === null ? null : { lease, ahead: { tokens: ahead, until: pacedEnd(terms, now) } };
  }
}

interface Written {
  readonly windows: readonly OpenWindow[];
  readonly lost: readonly Lost[];
  readonly debt: number;
  readonly payer: Payer | null;
  readonly paidTo: number;
}

/** The versions before write and read the window that ends last alone. */
interface Image extends Written {
  readonly v: 1;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly charged: number;
}

const unwritten: Written = { windows: [], lost: [], debt: 0, payer: null, paidTo: 0 };

export function restoreFixedWindow(image: string): FixedWindow | null {
  const read = JSON.parse(image) as Partial<Image>;
  const { v, startsAt, endsAt, charged, debt, payer = null, lost = [], paidTo = endsAt } = read;
  if (v !== 1 || startsAt === undefined || endsAt === undefined || charged === undefined || debt === undefined)
    return null;
  const only: OpenWindow = { startsAt, endsAt, since: startsAt, charged, overdrawn: 0, askedAt: startsAt };
  const { windows = endsAt > startsAt ? [only] : [] } = read;
  if (paidTo === undefined || !windows.every(isOpenWindow)) return null;
  return new FixedWindow({ windows, lost, debt, payer, paidTo });
}

/** That began and ended between the two: from one multiple of the length to the next. */
function wholeWindows(from: number, to: number, windowMs: number): number {
  return Math.max(0, Math.floor(to / windowMs) - Math.ceil(from / windowMs));
}

/** In a window of this length that begins then. */
function lostFrom(lost: readonly Lost[], from: number, windowMs: number): number {
  return lost.reduce((sum, one) => (one.at > from && isOf(one, windowMs) ? sum + one.tokens : sum), 0);
}

function isOf({ windowMs: of = null }: Lost, windowMs: number): boolean {
  return of === null || of === windowMs;
}

function withLost(lost: readonly Lost[], one: Lost): readonly Lost[] {
  const [first, second, ...rest] = [...lost, one].toSorted((earlier, later) => earlier.at - later.at);
  if (first === undefined || second === undefined || rest.length + 2 <= mostLost) return [...lost, one];
  return [{ tokens: first.tokens + second.tokens, at: second.at, windowMs: null }, ...rest];
}

function lastOf(windows: readonly OpenWindow[]): OpenWindow | undefined {
  return windows.toSorted((one, other) => other.endsAt - one.endsAt)[0];
}

function restOf({ startsAt, endsAt }: OpenWindow, now: number): number {
  return Math.max(0.01, (endsAt - now) / (endsAt - startsAt));
}
