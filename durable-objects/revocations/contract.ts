/**
 * Revocations: what a token may be named by, and the events about it. Whoever decides that tokens end writes these events;
 * Regions and edges apply them.
 */

/** What a token may be named by. All that are given must fit (AND); each alone is enough. */
export interface RevocationTarget {
  /** SHA-256 of the token's text in base64url: for tokens without a `jti`. */
  readonly token?: string;
  readonly jti?: string;
  /** `sid`: all tokens that came of one login, and its refresh tokens. */
  readonly family?: string;
  readonly subject?: string;
  readonly client?: string;
  readonly tenant?: string;
  /** The key that signed them. */
  readonly kid?: string;
  /** Without it tokens of every issuer are meant. */
  readonly issuer?: string;
}

/** `data` of an event of type `revocation`; the event's id is the revocation's. */
export interface RevocationData extends RevocationTarget {
  /**
   * ms since 1970: only tokens issued up to then, plus their issuer's tolerance, and those that do not say when they
   * were issued. Absent: whenever they were issued.
   */
  readonly issuedBefore?: number;
  /** ms since 1970: from then on no token that it names can be good anyway, and it may be forgotten. */
  readonly endsAt: number;
  /** Who revoked: the client's or subject's name. */
  readonly by: string;
  /** ms since 1970, by the edge that took the call. For people. */
  readonly since: number;
  /**
   * It follows from what cannot be taken back (a logout, a reuse, a changed account, a removed key), and is not lifted:
   * else whoever may lift gave old tokens the rights again that were taken from them. No caller sets it.
   */
  readonly isFinal?: true;
}

/** `data` of an event of type `revocation_lifted`: the revocation of that id holds no longer. */
export interface RevocationLiftedData {
  readonly id: string;
}

export interface Revocation {
  readonly id: string;
  readonly data: RevocationData;
}

/** All that a revocation may name one token by. */
export interface TokenNames extends RevocationTarget {
  readonly issuer: string;
  /** When it says that it was issued, less its issuer's tolerance, ms since 1970; null when it does not say. */
  readonly issuedFrom: number | null;
}

/** A key filter on its way: which keys there may be. */
export interface FilterData {
  /** How keys are made and where their bits are. Who does not know it asks about each token instead. */
  readonly form: 1;
  /** Put in so far, some of them perhaps twice. */
  readonly keys: number;
  readonly bytes: Uint8Array;
}
