/**
 * Leases: permission to act for a time without asking.
 *
 * A lease runs at its taker from when the taker *sent* its request, so that the taker's end comes first however long
 * the answer took. The giver keeps it for `guardOf(leaseMs)`: clock rates may differ by 5 % either way, and
 * 1.05 / 0.95 < 1.11; 50 ms cover what a clock that stands still during computation hides.
 */
export interface Lease {
  readonly sentAt: number;
  readonly endsAt: number;
}

/** How long the giver must assume that a lease of `leaseMs` lives, in ms by the giver's clock. */
export function guardOf(leaseMs: number): number {
  return Math.ceil(leaseMs * 1.11) + 50;
}

export function leaseFrom(sentAt: number, leaseMs: number): Lease {
  return { sentAt, endsAt: sentAt + leaseMs };
}

/** A clock that reads earlier than the moment of sending has stepped backward: the lease proves nothing any more. */
export function isLive(lease: Lease | null, now: number): lease is Lease {
  return lease !== null && now >= lease.sentAt && now < lease.endsAt;
}

export function restOf(lease: Lease | null, now: number): number {
  return isLive(lease, now) ? lease.endsAt - now : 0;
}
