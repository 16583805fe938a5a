/** An Accounts object's ledger in memory, with what its books owe, and calls to them as an edge makes them. */
import { AccountBook } from "../../durable-objects/accounts/account-book.ts";
import { ApiKeyBook } from "../../durable-objects/accounts/api-key-book.ts";
import type {
  AccountFacts,
  AccountKind,
  AccountSettings,
  ApiKeyFacts,
} from "../../durable-objects/accounts/contract.ts";
import type { AccountsLedger, ApiKeyRecord, DoneLately } from "../../durable-objects/accounts/ledger.ts";
import type { AccountRecord } from "../../durable-objects/accounts/record.ts";
import type { NewEvent } from "../../durable-objects/log/contract.ts";

class MemoryAccounts implements AccountsLedger {
  readonly #accounts = new Map<string, AccountRecord>();
  readonly #keys = new Map<string, ApiKeyRecord>();
  readonly #done = new Map<string, DoneLately>();
  writes = 0;
  full = false;

  account(kind: AccountKind, name: string): AccountRecord | null {
    return this.#accounts.get(`${kind}:${name}`) ?? null;
  }

  saveAccount(record: AccountRecord): void {
    this.writes += 1;
    this.#accounts.set(`${record.facts.kind}:${record.facts.name}`, structuredClone(record));
  }

  deleteAccount(kind: AccountKind, name: string): void {
    this.#accounts.delete(`${kind}:${name}`);
  }

  accounts(kind: AccountKind, after: string, limit: number): readonly AccountFacts[] {
    const all = [...this.#accounts.values()].map(({ facts }) => facts);
    return page(
      all.filter((facts) => facts.kind === kind),
      ({ name }) => name,
      after,
      limit,
    );
  }

  mostRounds(): number {
    return Math.max(0, ...[...this.#accounts.values()].map(({ parameters }) => parameters?.rounds ?? 0));
  }

  key(id: string): ApiKeyRecord | null {
    return this.#keys.get(id) ?? null;
  }

  saveKey(record: ApiKeyRecord): void {
    this.writes += 1;
    this.#keys.set(record.facts.id, structuredClone(record));
  }

  deleteKey(id: string): void {
    this.#keys.delete(id);
  }

  keys(owner: string | null, after: string, limit: number): readonly ApiKeyFacts[] {
    const all = [...this.#keys.values()].map(({ facts }) => facts);
    return page(
      all.filter((facts) => owner === null || facts.owner.name === owner),
      ({ id }) => id,
      after,
      limit,
    );
  }

  doneLately(target: string): DoneLately | null {
    return this.#done.get(target) ?? null;
  }

  saveDone(target: string, done: DoneLately): void {
    this.#done.set(target, structuredClone(done));
  }

  forgetDone(before: number, atMost: number): void {
    const old = [...this.#done].filter(([, { at }]) => at < before);
    for (const [target] of old.slice(0, atMost)) this.#done.delete(target);
  }

  get remembered(): number {
    return this.#done.size;
  }

  isFull(): boolean {
    return this.full;
  }

  transaction<Result>(work: () => Result): Result {
    return work();
  }
}

function page<Item>(
  items: readonly Item[],
  placeOf: (item: Item) => string,
  after: string,
  limit: number,
): readonly Item[] {
  const sorted = items.filter((item) => placeOf(item) > after);
  return sorted.toSorted((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1)).slice(0, limit);
}

export const booksSettings = {
  issuer: "urn:selvedge:test",
  longestTokenMs: 86_400_000,
  passwords: { iterations: 100_000, rounds: 2 },
};

/** The books of one shard, and what they owed so far. */
export class BooksWorld {
  readonly ledger = new MemoryAccounts();
  readonly owed: NewEvent[] = [];
  readonly accounts: AccountBook;
  readonly keys: ApiKeyBook;
  #ids = 0;

  constructor() {
    const ports = {
      ledger: this.ledger,
      settings: booksSettings,
      owe: (event: NewEvent) => void this.owed.push(event),
      newId: () => String((this.#ids += 1)),
    };
    this.accounts = new AccountBook(ports);
    this.keys = new ApiKeyBook(ports);
  }
}

export function settingsOf(more: Partial<AccountSettings> = {}): AccountSettings {
  return {
    kind: "account",
    name: "ada",
    roles: [],
    tenant: null,
    claims: {},
    scopes: [],
    resources: [],
    redirectUris: [],
    isPublic: false,
    isDisabled: false,
    expiresAt: null,
    ...more,
  };
}

/** A text of a proof's form. */
export function proofText(word: string): string {
  return word.padEnd(43, "_");
}
