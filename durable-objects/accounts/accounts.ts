/** The Accounts object: opens its ledger, asks its books, answers; what they owe leaves through the outbox. */
import { DurableObject } from "cloudflare:workers";
import { Outbox, outboxTable } from "../platform/outbox.ts";
import { migrate } from "../platform/schema.ts";
import { logStub } from "../stubs.ts";
import { AccountBook, type BookPorts } from "./account-book.ts";
import { ApiKeyBook } from "./api-key-book.ts";
import { checkCheck, checkCreateKey, checkFacts, checkList, checkNamed, checkPut } from "./checked-request.ts";
import type { AccountsContract, AccountsSettings, ApiKeysContract, PutAccount } from "./contract.ts";
import { madeUpParameters } from "./made-up-parameters.ts";
import { isUsable } from "./record.ts";
import { schema, SqlLedger } from "./sql-ledger.ts";

type Asked<Method extends keyof AccountsContract> = Parameters<AccountsContract[Method]>[0];
type AskedOfKeys<Method extends keyof ApiKeysContract> = Parameters<ApiKeysContract[Method]>[0];
type Answer<Method extends keyof AccountsContract> = ReturnType<AccountsContract[Method]>;
type AnswerOfKeys<Method extends keyof ApiKeysContract> = ReturnType<ApiKeysContract[Method]>;

export class Accounts extends DurableObject<Env> implements AccountsContract, ApiKeysContract {
  readonly #settings: AccountsSettings;
  readonly #outbox: Outbox;
  readonly #accounts: AccountBook;
  readonly #keys: ApiKeyBook;
  readonly #madeUpKey: Uint8Array<ArrayBuffer>;

  constructor(state: DurableObjectState, env: Env, settings: AccountsSettings) {
    super(state, env);
    this.#settings = settings;
    migrate(state.storage, [...schema, outboxTable]);
    const ledger = new SqlLedger(state.storage);
    this.#outbox = new Outbox({
      storage: state.storage,
      publish: (events) => logStub(env, settings.environment).publish({ v: 1, events, ack: "none", timeoutMs: 0 }),
      random: Math.random,
      now: Date.now,
    });
    const ports: BookPorts = {
      ledger,
      settings,
      owe: (event) => this.#outbox.add(event),
      newId: () => crypto.randomUUID(),
    };
    this.#accounts = new AccountBook(ports);
    this.#keys = new ApiKeyBook(ports);
    this.#madeUpKey = ledger.madeUpKey();
    void state.blockConcurrencyWhile(() => this.#outbox.rearm());
  }

  async passwordParameters(request: Asked<"passwordParameters">): Answer<"passwordParameters"> {
    checkNamed("passwordParameters", request);
    const madeUp = await madeUpParameters(this.#madeUpKey, request.name, this.#settings.passwords);
    return { ...(this.#accounts.parametersOf(request.name) ?? madeUp), allRounds: this.#accounts.allRounds() };
  }

  async check(request: Asked<"check">): Answer<"check"> {
    checkCheck(request);
    const { kind, name, proofs, renewed } = request;
    const facts = this.#accounts.check(kind, name, proofs, renewed, Date.now());
    return facts === null ? { kind: "wrong" } : { kind: "right", facts };
  }

  async facts(request: Asked<"facts">): Answer<"facts"> {
    checkNamed("facts", request);
    const facts = this.#accounts.facts(request.kind, request.name);
    const isFound = facts !== null && (request.evenUnusable === true || isUsable(facts, Date.now()));
    return isFound ? { kind: "found", facts } : { kind: "missing" };
  }

  async put(request: PutAccount): Answer<"put"> {
    checkPut(request);
    return this.#sent(this.#accounts.put(request, Date.now()));
  }

  async remember(request: Asked<"remember">): Answer<"remember"> {
    checkFacts("remember", request);
    const facts = this.#accounts.remember(request.facts, Date.now());
    return facts === null ? { kind: "refused" } : { kind: "remembered", facts };
  }

  async remove(request: Asked<"remove">): Answer<"remove"> {
    checkNamed("remove", request);
    return this.#sent(this.#accounts.remove(request.kind, request.name, request, Date.now()));
  }

  async rotateSecret(request: Asked<"rotateSecret">): Answer<"rotateSecret"> {
    checkNamed("rotateSecret", request);
    const { name, proof, previousEndsAt } = request;
    return this.#sent(this.#accounts.rotateSecret(name, proof, previousEndsAt, request, Date.now()));
  }

  async list(request: Asked<"list">): Answer<"list"> {
    checkList("list", request);
    const { kind, after, limit } = request;
    return pageOf(this.#accounts.list(kind, after, limit + 1), limit);
  }

  async createKey(request: AskedOfKeys<"createKey">): AnswerOfKeys<"createKey"> {
    checkCreateKey(request);
    return this.#sent(this.#keys.create(request.facts, request.proof, request, Date.now()));
  }

  async keyFacts(request: AskedOfKeys<"keyFacts">): AnswerOfKeys<"keyFacts"> {
    checkNamed("keyFacts", { ...request, name: request.id });
    const facts = this.#keys.facts(request.id);
    return facts === null ? { kind: "missing" } : { kind: "found", facts };
  }

  async findKey(request: AskedOfKeys<"findKey">): AnswerOfKeys<"findKey"> {
    checkNamed("findKey", { ...request, name: request.id });
    const facts = this.#keys.find(request.id, request.proof, Date.now());
    return facts === null ? { kind: "wrong" } : { kind: "found", facts };
  }

  async removeKey(request: AskedOfKeys<"removeKey">): AnswerOfKeys<"removeKey"> {
    checkNamed("removeKey", { ...request, name: request.id });
    return this.#sent(this.#keys.remove(request.id, request, Date.now()));
  }

  async listKeys(request: AskedOfKeys<"listKeys">): AnswerOfKeys<"listKeys"> {
    checkList("listKeys", request);
    const { owner, after, limit } = request;
    return pageOf(this.#keys.list(owner, after, limit + 1), limit);
  }

  override async alarm(): Promise<void> {
    await this.#outbox.drain();
  }

  /** Not waited for: what was decided stands, and the alarm sends what this does not. */
  #sent<Decision>(decision: Decision): Decision {
    this.ctx.waitUntil(this.#outbox.drain());
    return decision;
  }
}

/** `found` is one more than wanted, where there are more. */
function pageOf<Item>(
  found: readonly Item[],
  limit: number,
): { readonly items: readonly Item[]; readonly isLast: boolean } {
  return { items: found.slice(0, limit), isLast: found.length <= limit };
}
