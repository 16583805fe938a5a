/** Where refusals of a moment ago are kept. Whatever is forgotten costs a call, no more. */
export interface Denial {
  /** Until when it may refuse, ms since 1970 by the isolate's clock. */
  readonly endsAt: number;
  /** The latest that the window can end, by this clock: what a client is told to wait for. */
  readonly resetAt: number;
  /** A cost up to this is for the limiter to decide. */
  readonly remaining: number;
}

export interface HeardDenial extends Denial {
  /** When the refused request was sent. */
  readonly sentAt: number;
}

/** What a limiter answers with a refusal. */
export interface Refusal {
  readonly remaining: number;
  /** Until its window ends. */
  readonly resetMs: number;
  /** For how long after sending an edge may refuse the same, whatever its clock's rate. */
  readonly denyMs: number;
}

export interface Denials {
  readonly entries: number;
  /** The denial that refuses `cost` now, or null. `now` is read from the clock at the call, not earlier. */
  find(key: string, cost: number, now: number): Denial | null;
  learn(key: string, denial: HeardDenial, now: number): void;
  forget(key: string): void;
}

/** The refusal of what was sent at `sentAt`, heard at `heardAt`. */
export function denialOf({ remaining, resetMs, denyMs }: Refusal, sentAt: number, heardAt: number): HeardDenial {
  return { sentAt, endsAt: sentAt + denyMs, resetAt: Math.max(sentAt, heardAt) + resetMs, remaining };
}
