/**
 * What the limiter refused a moment ago, so that a flood on used-up budgets costs no calls.
 *
 * It refuses only what the limiter would refuse too: a cost over what was left, until before the window's true end.
 * What it rounds, it rounds to the caller's side. It holds a million denials in 15 MiB and no more; one that had to
 * make room costs a call.
 *
 * A key is known by 56 keyed bits of its fingerprint. A stranger is taken for a key that was refused with a
 * probability of 2^-56 for each entry: 1.4e-11 (one in 72 thousand million) in a table with a million live ones. It is
 * then refused until that denial ends. The seed is the isolate's own: no other edge refuses with it.
 */
import type { Denial, Denials, HeardDenial } from "./denials.ts";
import { DenySlots, noSlot } from "./deny-slots.ts";
import { Fingerprint } from "./fingerprint.ts";

/** Longer than any answer of a limiter is waited for. */
const answersTakeMs = 10_000;
const most32Bits = 0xffff_ffff;
const most16Bits = 0xffff;

export class DenyTable implements Denials {
  readonly #print: Fingerprint;
  #slots = new DenySlots();
  /** What the slots' times count from, 49 days at most: never later than now. */
  #baseAt = 0;
  /** When the last of the entries ends. */
  #allEndAt = -Infinity;
  /** The latest that the clock has shown since it last stepped backward. */
  #latestAt = -Infinity;
  /** What was sent by then may have been sent before the clock stepped backward. */
  #doubtfulUntil = -Infinity;

  /** `seed`: two random words of 32 bits. */
  constructor(seed: readonly [number, number]) {
    this.#print = new Fingerprint(seed);
  }

  /** Entries held; one that ended counts until its place is used again. */
  get entries(): number {
    return this.#slots.entries;
  }

  /** Of all typed arrays. */
  get bytes(): number {
    return this.#slots.bytes;
  }

  /** The denial that refuses `cost` now, or null. `now` is read from the clock at the call, not earlier. */
  find(key: string, cost: number, now: number): Denial | null {
    this.#observe(now);
    if (this.#slots.entries === 0) return null;
    const slot = this.#slotOf(key);
    if (slot === noSlot) return null;
    const endsAt = this.#baseAt + this.#slots.endsInMs(slot);
    const remaining = this.#slots.remaining(slot);
    if (!(cost > remaining && now < endsAt)) return null;
    return { endsAt, resetAt: endsAt + gapMs(this.#slots.gap(slot)), remaining };
  }

  /** Takes the place of what was known of `key`. `now` is read from the clock at the call. */
  learn(key: string, { sentAt, endsAt, resetAt, remaining }: HeardDenial, now: number): void {
    if (sentAt > this.#latestAt) this.#latestAt = sentAt;
    this.#observe(now);
    if (!(sentAt > this.#doubtfulUntil && sentAt <= now)) return;
    // After a flood its memory goes back.
    if (now >= this.#allEndAt) this.forgetAll();
    const endsInMs = this.#sinceBase(endsAt, now);
    const elapsedMs = now - this.#baseAt;
    if (!(endsInMs > elapsedMs && remaining <= most16Bits)) return this.forget(key);
    this.#allEndAt = Math.max(this.#allEndAt, this.#baseAt + endsInMs);
    this.#print.read(key);
    this.#slots.write(this.#print.low, this.#print.high, elapsedMs, {
      endsInMs,
      remaining: Math.max(0, Math.ceil(remaining)),
      gap: gapOf(resetAt - this.#baseAt - endsInMs),
    });
  }

  /** Tokens came back to this budget. */
  forget(key: string): void {
    const slot = this.#slotOf(key);
    if (slot !== noSlot) this.#slots.erase(slot);
  }

  forgetAll(): void {
    if (this.#slots.entries > 0) this.#slots = new DenySlots();
    this.#allEndAt = -Infinity;
  }

  #slotOf(key: string): number {
    this.#print.read(key);
    return this.#slots.find(this.#print.low, this.#print.high);
  }

  /** When the clock steps backward nobody can say how long an entry has run, nor an answer that is still on its way. */
  #observe(now: number): void {
    if (now < this.#latestAt) {
      this.#doubtfulUntil = Math.min(Math.max(this.#latestAt, this.#doubtfulUntil), now + answersTakeMs);
      this.#latestAt = now;
      this.forgetAll();
    } else if (now > this.#latestAt) {
      this.#latestAt = now;
    }
  }

  /** ms from the base to an instant, in 32 bits; an empty table, and one whose base is too long ago, gets a new base. */
  #sinceBase(at: number, now: number): number {
    if (this.#slots.entries === 0) this.#baseAt = Math.floor(now);
    if (at - this.#baseAt > most32Bits) {
      const passedMs = Math.floor(now) - this.#baseAt;
      this.#slots.rebase(passedMs);
      this.#baseAt += passedMs;
    }
    return Math.min(Math.floor(at - this.#baseAt), most32Bits);
  }
}

/** A duration in 16 bits, rounded up by less than a thousandth: 5 bits say how often the other 11 are doubled. */
function gapOf(ms: number): number {
  const whole = Math.min(Math.max(0, Math.ceil(ms)), most32Bits);
  const doublings = Math.max(0, 21 - Math.clz32(whole));
  const rounded = Math.ceil(whole / 2 ** doublings);
  return rounded === 2_048 ? ((doublings + 1) << 11) | 1_024 : (doublings << 11) | rounded;
}

function gapMs(gap: number): number {
  return (gap & 2_047) * 2 ** (gap >>> 11);
}
