/** The mesh API's accounts, clients and keys with everything around them in memory: a shard's books behind each name. */
import type { AccountsContract, ApiKeysContract } from "../../durable-objects/accounts/contract.ts";
import type { Ack, NewEvent } from "../../durable-objects/log/contract.ts";
import type { Revocation } from "../../durable-objects/revocations/contract.ts";
import type { Published } from "../../workers/broadcast/publisher.ts";
import { readTarget } from "../../workers/gate/target.ts";
import type { Isolate } from "../../workers/isolate.ts";
import { createReserved } from "../../workers/reserved.ts";
import { BooksWorld } from "../support/accounts-ledger.ts";

type AccountsObject = AccountsContract & ApiKeysContract;

function pageOf<Item>(items: readonly Item[], limit: number) {
  return { items: items.slice(0, limit), isLast: items.length <= limit };
}

function sentAs(body: unknown): string | ReadableStream {
  return typeof body === "string" || body instanceof ReadableStream ? body : JSON.stringify(body);
}

/** An object's shell without a runtime. `lose`: the decision stands, and its answer does not arrive. */
function objectOf({ accounts, keys }: BooksWorld, lose: () => boolean): AccountsObject {
  const answered = async <Answer>(answer: Answer): Promise<Answer> => {
    if (lose()) throw new Error("the answer was lost");
    return answer;
  };
  const found = <Facts>(facts: Facts | null) =>
    facts === null ? ({ kind: "missing" } as const) : ({ kind: "found", facts } as const);
  return {
    passwordParameters: async ({ name }) => ({
      ...(accounts.parametersOf(name) ?? { salt: "AAECAwQFBgcICQoLDA0ODw", iterations: 10, rounds: 1 }),
      allRounds: accounts.allRounds(),
    }),
    check: async ({ kind, name, proofs, renewed }) => {
      const facts = accounts.check(kind, name, proofs, renewed, Date.now());
      return facts === null ? { kind: "wrong" } : { kind: "right", facts };
    },
    facts: async ({ kind, name, evenUnusable }) => {
      const facts = accounts.facts(kind, name);
      return found(facts?.isDisabled === true && evenUnusable !== true ? null : facts);
    },
    put: (request) => answered(accounts.put(request, Date.now())),
    remember: () => Promise.reject(new Error("nobody logs in here")),
    remove: (request) => answered(accounts.remove(request.kind, request.name, request, Date.now())),
    rotateSecret: (request) =>
      answered(accounts.rotateSecret(request.name, request.proof, request.previousEndsAt, request, Date.now())),
    list: async ({ kind, after, limit }) => pageOf(accounts.list(kind, after, limit + 1), limit),
    createKey: (request) => answered(keys.create(request.facts, request.proof, request, Date.now())),
    keyFacts: async ({ id }) => found(keys.facts(id)),
    findKey: async ({ id, proof }) => {
      const facts = keys.find(id, proof, Date.now());
      return facts === null ? { kind: "wrong" } : { kind: "found", facts };
    },
    removeKey: (request) => answered(keys.remove(request.id, request, Date.now())),
    listKeys: async ({ owner, after, limit }) => pageOf(keys.list(owner, after, limit + 1), limit),
  };
}

const issuers = new Map([["https://id.example.com", { maxLifetimeSeconds: 3_600, toleranceSeconds: 5 }]]);

export interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export class AccountApiWorld {
  readonly shards = new Map<string, BooksWorld>();
  readonly published: { readonly event: NewEvent; readonly ack: Ack }[] = [];
  /** Answers of objects that will be lost. */
  lost = 0;
  isLogAway = false;
  identity = {
    issuer: "us",
    subject: "operator",
    client: "operations",
    scopes: ["mesh:admin"],
    roles: ["r1"],
    claims: {},
  };
  service: object | null = null;
  /** Pulls of the view for a call's own sake: what becomes known by one, or false when no Region answers. */
  renewal: () => boolean = () => true;
  isRevoked = false;
  /** What the Region knows to be revoked, by id. */
  readonly held = new Map<string, Revocation>();
  /** The ids of the mesh's own keys; the promise fails while its Keyring is away. */
  describeKeys = async () => ({ v: 1, keys: [{ kid: "now" }, { kid: "later" }, { kid: "before" }] });
  readonly goneKey: NewEvent = { id: "gone", type: "key", data: { kid: "lost" } };
  readonly #reserved = createReserved();

  /** `GET /accounts/ada`: the path goes through the door's reading of it. */
  async call(line: string, body?: unknown): Promise<Answered> {
    const [method = "", path = ""] = line.split(" ");
    const target = readTarget(`https://mesh.example/_mesh/v1${path}`, null);
    if (target.kind === "refused") return { status: 400, body: { detail: target.detail }, headers: new Headers() };
    const request = new Request(`https://mesh.example${target.path}${target.query}`, {
      method,
      headers: { authorization: "Bearer t" },
      ...(body === undefined ? {} : { body: sentAs(body), duplex: "half" }),
    });
    const context = { waitUntil: () => undefined } as unknown as ExecutionContext;
    const response = await this.#reserved.fetch(request, this.#isolate(), "a-request", context);
    const told: Answered["body"] = response.status === 204 ? {} : await response.json();
    return { status: response.status, body: told, headers: response.headers };
  }

  get owed(): readonly NewEvent[] {
    return [...this.shards.values()].flatMap(({ owed }) => owed);
  }

  #isolate(): Isolate {
    return {
      mesh: {
        environment: "test",
        tokens: { issuer: "us", algorithm: "ES256", ttlSeconds: 900 },
        regions: ["weur"],
        issuers,
        accounts: { rounds: 1, service: this.service },
      },
      region: "weur",
      env: {
        ACCOUNTS: { getByName: (name: string) => this.#object(name) },
        REGION: { getByName: () => ({ revocation: async ({ id }: { readonly id: string }) => this.#held(id) }) },
        KEYRING: {
          getByName: () => ({
            describe: () => this.describeKeys(),
            remove: async () => ({ v: 1, kind: "removed", events: [this.goneKey] }),
          }),
        },
      },
      publisher: { publish: this.#publish },
      view: { renewed: async () => this.renewal() },
      tokens: { verify: async () => this.#verdict() },
    } as unknown as Isolate;
  }

  #verdict() {
    return this.isRevoked
      ? { kind: "refused", code: "token_revoked", reason: "revoked" }
      : { kind: "accepted", identity: this.identity };
  }

  #held(id: string) {
    const revocation = this.held.get(id);
    return revocation === undefined ? { v: 1, kind: "unknown" } : { v: 1, kind: "found", revocation };
  }

  #object(name: string): AccountsObject {
    const books = this.shards.get(name) ?? new BooksWorld();
    this.shards.set(name, books);
    return objectOf(books, () => this.lost > 0 && (this.lost -= 1) >= 0);
  }

  readonly #publish = async (_context: unknown, event: NewEvent, ack: Ack): Promise<Published> => {
    if (this.isLogAway) return { kind: "outcome_unknown" };
    this.published.push({ event, ack });
    const seq = this.published.length;
    return { kind: "published", id: event.id, seq, acknowledged: ack !== "none", receipts: [] };
  };
}
