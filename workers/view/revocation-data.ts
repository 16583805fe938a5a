/** `data` of the events about revocations, and how it is read by a version that may be older than its writer. */

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
}

/** `data` of an event of type `revocation_lifted`: the revocation of that id holds no longer. */
export interface RevocationLiftedData {
  readonly id: string;
}
