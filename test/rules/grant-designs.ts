/** Who decides the uses of one family's code and refresh tokens: the mesh's own way, and naive ones that break T7. */
import type { CodeGrant, Redeemed, Refreshed } from "../../durable-objects/grants/contract.ts";
import { GrantBook } from "../../durable-objects/grants/grant-book.ts";
import type { FamilyRecord, GrantsLedger } from "../../durable-objects/grants/ledger.ts";

const hour = 3_600_000;
const rules = { issuer: "https://mesh.example.com", longestTokenMs: 24 * hour };
const family = "f".repeat(22);
const client = "app";
const code: CodeGrant = {
  family,
  subject: "alice",
  client,
  scopes: ["read"],
  startedAt: 0,
  endsAt: 24 * hour,
  redirectUri: "https://app.example.com/",
  codeChallenge: "c".repeat(43),
  codeEndsAt: 12 * hour,
};

/** What is used: the code, or the refresh token of that number. */
export type Secret = "code" | number;
export type Answer = Redeemed | Refreshed;

/** A use is decided in one step or two, between which others may be. */
export interface Deciding {
  readonly read?: () => void;
  readonly decide: (now: number) => Answer;
}

/** A family that begins with its code, and how each use of a secret at an edge is decided. */
export type Design = (graceMs: number) => (edge: number, secret: Secret) => Deciding;

class MemoryLedger implements GrantsLedger {
  record: FamilyRecord | null = null;
  readonly transaction = <Result>(work: () => Result): Result => work();
  readonly find = (): FamilyRecord | null => this.record;
  readonly forget = (): void => undefined;

  save(record: FamilyRecord): void {
    this.record = record;
  }
}

class Book extends GrantBook {
  readonly #graceMs: number;

  constructor(ledger: GrantsLedger, graceMs: number) {
    super(ledger, rules, () => undefined);
    this.#graceMs = graceMs;
  }

  use(secret: Secret, now: number): Answer {
    const { redirectUri, codeChallenge } = code;
    return secret === "code"
      ? this.redeemCode({ family, client, redirectUri, codeChallenge, keepsFamily: true }, now)
      : this.refresh({ family, generation: secret, client, graceMs: this.#graceMs }, now);
  }
}

function begin(graceMs: number): { readonly ledger: MemoryLedger; readonly book: Book } {
  const ledger = new MemoryLedger();
  const book = new Book(ledger, graceMs);
  book.keepCode(code, 0);
  return { ledger, book };
}

/** One book, which decides each use in one step. */
export const oneBook: Design = (graceMs) => {
  const { book } = begin(graceMs);
  return (_edge, secret) => ({ decide: (now) => book.use(secret, now) });
};

/** Naive: reads the family, and writes what comes of it a moment later. */
export const readThenWrite: Design = (graceMs) => {
  const { ledger } = begin(graceMs);
  return (_edge, secret) => {
    const copy = new MemoryLedger();
    let read: FamilyRecord | null = null;
    return {
      read: () => {
        read = ledger.record;
        copy.record = read;
      },
      decide: (now) => {
        const answer = new Book(copy, graceMs).use(secret, now);
        if (copy.record !== read) ledger.record = copy.record;
        return answer;
      },
    };
  };
};

/** Naive: each edge has a book of its own, which the others' uses never reach. */
export const bookPerEdge: Design = (graceMs) => {
  const books = [begin(graceMs).book, begin(graceMs).book];
  return (edge, secret) => ({
    decide: (now) => {
      const book = books[edge];
      if (book === undefined) throw new Error(`expected one of two edges: received ${edge}`);
      return book.use(secret, now);
    },
  });
};

/** Naive: whoever tries again within the grace gets a token of its own. */
export const anotherSuccessor: Design = (graceMs) => {
  const { ledger, book } = begin(graceMs);
  return (_edge, secret) => ({
    decide: (now) => {
      const before = ledger.record?.generation ?? 0;
      const answer = book.use(secret, now);
      if (answer.kind !== "refreshed" || answer.generation !== before || ledger.record === null) return answer;
      ledger.record = { ...ledger.record, generation: before + 1 };
      return { ...answer, generation: before + 1 };
    },
  });
};

/** Naive: what shows that two have one secret is refused, and ends nothing. */
export const refusesOnly: Design = (graceMs) => {
  const { ledger, book } = begin(graceMs);
  return (_edge, secret) => ({
    decide: (now) => {
      const before = ledger.record;
      const answer = book.use(secret, now);
      if (answer.kind === "reused") ledger.record = before;
      return answer;
    },
  });
};
