/**
 * Fixed windows: in each window, from one multiple of its length to the next by the object's clock, at most the quota.
 *
 * A window lease is spent inside its window or not at all. A paced lease is spent by an asker that needs few tokens:
 * `tokens` in every interval that is surely as long as a window, charged to the current window and to each of those
 * that begin while the lease lives. Half of the quota is always left for those who have no such lease.
 */
import type { Ask, Counter, Grant, Standing, Terms } from "./counter.ts";
import { LeaseShare } from "./lease-share.ts";
import type { TokenLease } from "./contract.ts";

/** How long a paced lease lives at its taker, ms. */
const pacedLifeMs = 11_000;
/** Clock rates differ by up to 5 % either way: 1.05 / 0.95 < 1.11. */
const drift = 1.11;
/** What a clock that stands still during computation may hide between two readings, ms. */
const standstillMs = 25;
/** Longer windows are their own leases. */
const longestPacedWindowMs = 10_000;

interface Window {
  readonly startsAt: number;
  /** Only ever moves earlier, when a rule with shorter windows comes. */
  endsAt: number;
  charged: number;
}

/** Tokens that paced leases hold in each window that begins in `from` to `to`. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly tokens: number;
}

type Payer = Pick<Terms, "quota" | "windowMs">;

interface Lost {
  readonly tokens: number;
  readonly at: number;
}

/** What changes when a window begins. */
interface Begun {
  /** The one before was the last that was counted. */
  readonly isNext: boolean;
  readonly spans: Span[];
  readonly debt: number;
  readonly lost: Lost[];
}

export class FixedWindow implements Counter {
  #window: Window | null = null;
  #spans: Span[] = [];
  #lost: Lost[] = [];
  /** Charged beyond the quota for work that was done: the following windows pay for it. */
  #debt = 0;
  /** By which rule's windows a debt was paid since it was looked at last; null for the one that is asked about. */
  #payer: Payer | null = null;
  readonly #share = new LeaseShare();

  constructor(image: Image | null = null) {
    if (image === null) return;
    this.#window = { startsAt: image.startsAt, endsAt: image.endsAt, charged: image.charged };
    this.#debt = image.debt;
    this.#payer = image.payer ?? null;
    this.#lost = [...(image.lost ?? [])];
  }

  adopt(terms: Terms, now: number): boolean {
    const { quota, windowMs } = this.#payer ?? terms;
    if (quota === terms.quota && windowMs === terms.windowMs && this.#payer !== null) return false;
    // What the window of now pays of it depends on the terms as well.
    const before = this.#debt;
    this.#current(terms, now);
    this.#payer = { quota: terms.quota, windowMs: terms.windowMs };
    return before > 0;
  }

  offer(ask: Ask, terms: Terms, now: number): Grant {
    const window = this.#current(terms, now);
    const left = terms.quota - window.charged;
    if (ask.isDebt)
      return { kind: "granted", tokens: ask.demand, lease: null, moved: ask.demand, stamp: window.startsAt };
    if (terms.quota === 0 || ask.cost > left) {
      const isEver = ask.cost <= terms.quota && terms.quota > 0;
      const retryMs = isEver ? this.#foundAgainAt(ask.cost, terms, window) - now : null;
      return { kind: "refused", retryMs, sameForMs: window.endsAt - now };
    }
    const tokens = Math.min(ask.demand, left);
    const paced = this.#pacedLease(ask, terms, window, { now, left: left - tokens });
    const lease = paced ?? this.#windowLease(ask, terms, window, { now, left, tokens });
    const moved = tokens + (lease?.tokens ?? 0);
    return { kind: "granted", tokens, lease, moved, stamp: window.startsAt };
  }

  take(grant: Grant & { readonly kind: "granted" }, ask: Ask, terms: Terms, now: number): void {
    const window = this.#current(terms, now);
    const left = Math.max(0, terms.quota - window.charged);
    this.#share.hear({ tokens: ask.demand + ask.lease, nth: ask.nth }, restOf(window, now), left);
    if (ask.isDebt) this.#debt += Math.max(0, grant.moved - Math.max(0, terms.quota - window.charged));
    window.charged += grant.moved;
    if (isPaced(grant.lease)) {
      this.#spans.push({ from: window.endsAt, to: pacedEnd(terms, now), tokens: grant.lease.tokens });
    }
  }

  putBack(stamp: number, tokens: number, terms: Terms, now: number): number {
    const window = this.#window;
    if (window === null || window.startsAt !== stamp || now >= window.endsAt) return 0;
    const back = Math.min(tokens, window.charged);
    const excess = Math.max(0, window.charged - terms.quota);
    window.charged -= back;
    // Only what this window has made of it: the rest is owed by the windows before.
    this.#debt = Math.max(0, this.#debt - (excess - Math.max(0, window.charged - terms.quota)));
    return back;
  }

  assume(tokens: number, at: number): void {
    this.#lost.push({ tokens, at });
    const window = this.#window;
    if (window !== null && window.startsAt < at) window.charged += tokens;
  }

  /** A look: under whatever terms, it changes nothing. */
  standing(terms: Terms, now: number): Standing {
    const { window } = this.#look(terms, now);
    const remaining = Math.max(0, terms.quota - window.charged);
    const resetMs = this.#foundAgainAt(1, terms, window) - now;
    return { used: window.charged, remaining, resetMs, sameForMs: window.endsAt - now };
  }

  owed(terms: Terms, now: number): number {
    return this.#look(terms, now).begun?.debt ?? this.#debt;
  }

  endsAt({ quota, windowMs }: Terms): number {
    const end = this.#spans.reduce((latest, { to }) => Math.max(latest, to), this.#window?.endsAt ?? 0);
    if (this.#debt === 0 || quota === 0) return end;
    // Whole windows pay, and the open one may have been another rule's.
    return (Math.ceil(end / windowMs) + Math.ceil(this.#debt / quota)) * windowMs;
  }

  allowanceEndsAt(terms: Terms, now: number): number {
    return this.#current(terms, now).endsAt;
  }

  image(): string {
    const { startsAt, endsAt, charged } = this.#window ?? { startsAt: 0, endsAt: 0, charged: 0 };
    return JSON.stringify({
      v: 1,
      startsAt,
      endsAt,
      charged,
      debt: this.#debt,
      payer: this.#payer,
      lost: this.#lost,
    } satisfies Image);
  }

  /** The first window's beginning that no lost count spoils for such a cost. */
  #foundAgainAt(cost: number, { quota, windowMs }: Terms, { endsAt }: Window): number {
    const lost = this.#lost.filter(({ tokens }) => tokens + cost > quota);
    return lost.reduce((latest, { at }) => Math.max(latest, Math.ceil(at / windowMs) * windowMs), endsAt);
  }

  #current(terms: Terms, now: number): Window {
    const { window, begun } = this.#look(terms, now);
    this.#window = window;
    if (begun === null) return window;
    this.#share.windowBegins(begun.isNext);
    this.#spans = begun.spans;
    this.#debt = begun.debt;
    this.#lost = begun.lost;
    return window;
  }

  /** The window of now, and what its beginning changes; null where it has begun already. */
  #look({ quota, windowMs }: Terms, now: number): { readonly window: Window; readonly begun: Begun | null } {
    const open = this.#window;
    if (open !== null && now < open.endsAt) {
      return { window: { ...open, endsAt: endUnder(open, windowMs, now) }, begun: null };
    }
    const startsAt = Math.floor(now / windowMs) * windowMs;
    const spans = this.#spans.filter(({ to }) => to > startsAt);
    const paced = spans.reduce((sum, { from, tokens }) => (from < startsAt + windowMs ? sum + tokens : sum), 0);
    const payer = this.#payer ?? { quota, windowMs };
    const paid = open === null ? 0 : wholeWindows(open.endsAt, startsAt, payer.windowMs) * payer.quota;
    const owed = Math.max(0, this.#debt - paid);
    // What was lost before the last window's end was counted in it, and ends with it like everything that was.
    const lost = this.#lost.filter(({ at }) => at > startsAt && at > (open?.endsAt ?? 0));
    const charged = Math.max(mostOf(lost), paced) + Math.min(owed, quota);
    const begun: Begun = {
      isNext: open !== null && startsAt - open.endsAt < windowMs,
      spans,
      debt: quota === 0 ? 0 : Math.max(0, owed - quota),
      lost,
    };
    return { window: { startsAt, endsAt: startsAt + windowMs, charged }, begun };
  }

  #windowLease(
    ask: Ask,
    { quota }: Terms,
    window: Window,
    { now, left, tokens }: { readonly now: number; readonly left: number; readonly tokens: number },
  ): TokenLease | null {
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
  #pacedLease(
    { paced: tokens }: Ask,
    terms: Terms,
    window: Window,
    { now, left }: { readonly now: number; readonly left: number },
  ): TokenLease | null {
    const { quota, windowMs } = terms;
    if (tokens === 0 || tokens > left || windowMs > longestPacedWindowMs || !this.#share.isQuiet(quota)) return null;
    const ahead = this.#spans.reduce((sum, span) => (span.to > window.endsAt ? sum + span.tokens : sum), 0);
    if ((Math.max(window.charged, ahead) + tokens) * 2 > quota) return null;
    const lifeMs = lifeOf(pacedEnd(terms, now) - now);
    return { tokens, lifeMs, everyMs: Math.ceil(windowMs * drift) + standstillMs };
  }
}

interface Image {
  readonly v: 1;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly charged: number;
  readonly debt: number;
  /** Not written by the versions before. */
  readonly payer?: Payer | null;
  readonly lost?: readonly Lost[];
}

export function restoreFixedWindow(image: string): FixedWindow | null {
  const read = JSON.parse(image) as Partial<Image>;
  const { v, startsAt, endsAt, charged, debt, payer = null, lost = [] } = read;
  if (v !== 1 || startsAt === undefined || endsAt === undefined || charged === undefined || debt === undefined)
    return null;
  return new FixedWindow({ v, startsAt, endsAt, charged, debt, payer, lost });
}

/** Its tokens are there again in every interval, and charged to every window that it reaches. */
export function isPaced(lease: TokenLease | null): lease is TokenLease & { readonly everyMs: number } {
  return lease !== null && lease.everyMs !== null;
}

/** Until when a paced lease that is given now may be spent, by the object's clock: a window's end. */
export function pacedEnd({ windowMs }: Pick<Terms, "windowMs">, now: number): number {
  const needed = now + Math.ceil((pacedLifeMs + standstillMs) * drift);
  return Math.ceil(needed / windowMs) * windowMs;
}

/** How long the taker may spend, by its own clock from sending, so that it surely ends within `restMs` of this one. */
function lifeOf(restMs: number): number {
  return Math.floor(restMs / drift) - standstillMs;
}

/** When the open window ends under a rule that may have shorter windows; what was charged in it counts until then. */
function endUnder(window: Window, windowMs: number, now: number): number {
  if (window.endsAt - window.startsAt <= windowMs) return window.endsAt;
  const from = Math.max(now, window.startsAt);
  return Math.min(window.endsAt, (Math.floor(from / windowMs) + 1) * windowMs);
}

/** That began and ended between the two: from one multiple of the length to the next. */
function wholeWindows(from: number, to: number, windowMs: number): number {
  return Math.max(0, Math.floor(to / windowMs) - Math.ceil(from / windowMs));
}

function mostOf(lost: readonly Lost[]): number {
  return lost.reduce((most, { tokens }) => Math.max(most, tokens), 0);
}

function restOf({ startsAt, endsAt }: Window, now: number): number {
  return Math.max(0.01, (endsAt - now) / (endsAt - startsAt));
}
