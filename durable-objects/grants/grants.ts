/** The Grants object: takes calls, asks the book, and owes the Log what the book has ended. */
import { DurableObject } from "cloudflare:workers";
import type { NewEvent } from "../log/contract.ts";
import { Outbox, outboxTable } from "../platform/outbox.ts";
import { migrate } from "../platform/schema.ts";
import { logStub } from "../stubs.ts";
import { checkCode, checkGrant, checkUse } from "./checked-request.ts";
import type {
  CodeGrant,
  CodeUse,
  Grant,
  GrantsContract,
  GrantsSettings,
  Peeked,
  Redeemed,
  Refreshed,
  RefreshUse,
} from "./contract.ts";
import { GrantBook } from "./grant-book.ts";
import { grantsSchema, SqlGrantsLedger } from "./sql-ledger.ts";

/** Rows that one alarm tidies away, and when the next one comes. */
const tidiedAtOnce = 1_000;
const tidyEveryMs = 3_600_000;

export class Grants extends DurableObject<Env> implements GrantsContract {
  readonly #ledger: SqlGrantsLedger;
  readonly #book: GrantBook;
  readonly #outbox: Outbox;

  constructor(state: DurableObjectState, env: Env, settings: GrantsSettings) {
    super(state, env);
    migrate(state.storage, [outboxTable, ...grantsSchema]);
    this.#outbox = new Outbox({
      storage: state.storage,
      publish: (events) => logStub(env, settings.environment).publish({ v: 1, events, ack: "none", timeoutMs: 0 }),
      random: Math.random,
      now: Date.now,
    });
    this.#ledger = new SqlGrantsLedger(state.storage);
    this.#book = new GrantBook(this.#ledger, settings, (event) => this.#outbox.add(event));
    void state.blockConcurrencyWhile(() => this.#outbox.rearm());
  }

  async keepCode({ code }: { readonly code: CodeGrant }): Promise<{ readonly kind: "kept" | "conflict" }> {
    checkCode(code);
    return { kind: await this.#tidied(this.#book.keepCode(code, Date.now())) };
  }

  async begin({ grant }: { readonly grant: Grant }): Promise<{ readonly kind: "begun" | "conflict" }> {
    checkGrant(grant);
    return { kind: await this.#tidied(this.#book.begin(grant, Date.now())) };
  }

  async redeemCode(use: CodeUse): Promise<Redeemed> {
    checkUse("redeem", use);
    return this.#sent(this.#book.redeemCode(use, Date.now()));
  }

  async refresh(use: RefreshUse): Promise<Refreshed> {
    checkUse("refresh", use);
    return this.#sent(this.#book.refresh(use, Date.now()));
  }

  async peek({ family, use }: { readonly family: string; readonly use?: CodeUse | RefreshUse }): Promise<Peeked> {
    if (use !== undefined) checkUse("peek", use);
    return this.#book.peek(family, Date.now(), use);
  }

  async end({
    family,
    by,
  }: {
    readonly family: string;
    readonly by: string;
  }): Promise<{ events: readonly NewEvent[] }> {
    const events = this.#book.end(family, by, Date.now());
    this.ctx.waitUntil(this.#outbox.drain());
    return { events };
  }

  /** The outbox throws nothing; what is past its time is tidied away on the side. */
  override async alarm(): Promise<void> {
    this.#ledger.forget(Date.now(), tidiedAtOnce);
    await this.#outbox.drain();
    await this.#tidied(null);
  }

  #sent<Answer extends Redeemed | Refreshed>(answer: Answer): Answer {
    if (answer.kind === "reused") this.ctx.waitUntil(this.#outbox.drain());
    return answer;
  }

  async #tidied<Answer>(answer: Answer): Promise<Answer> {
    const { storage } = this.ctx;
    const isEmpty = storage.sql.exec("SELECT 1 FROM family LIMIT 1").toArray().length === 0;
    if (!isEmpty && (await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + tidyEveryMs);
    return answer;
  }
}
