/** The Lock object: opens its ledger, asks the table, answers; keeps the timers of those who wait. */
import { DurableObject } from "cloudflare:workers";
import { migrate } from "../platform/schema.ts";
import { checkAcquire, checkLeave, checkList, checkLook, checkRelease, checkRenew } from "./checked-request.ts";
import type {
  AcquireAnswer,
  AcquireRequest,
  HolderAnswer,
  LeaveRequest,
  LockContract,
  LockSettings,
  LockState,
  ReleaseRequest,
  RenewRequest,
} from "./contract.ts";
import { LockTable } from "./lock-table.ts";
import { schema, SqlLedger } from "./sql-ledger.ts";

/** Between two sweeps, ms. The alarm forgets what is over; nothing is decided by it. */
const sweepEveryMs = 15 * 60_000;
/** An alarm that is this late was given up by the platform, ms. */
const lateMs = 5 * 60_000;
const rowsASlice = 500;

type Answered = (answer: AcquireAnswer) => void;
type Timer = ReturnType<typeof setTimeout>;

export class Lock extends DurableObject<Env> implements LockContract {
  /** null until something is acquired here: looking at a shard that was never used leaves it empty. */
  #table: LockTable | null = null;
  /** When the next sweep is due; null when none is. */
  #sweepAt: number | null = null;
  readonly #waiting = new Map<number, Answered>();
  /** One for each lock that somebody waits for: when it will be free unless its holder renews. */
  readonly #watches = new Map<string, Timer>();

  constructor(state: DurableObjectState, env: Env, _settings: LockSettings) {
    super(state, env);
    if (SqlLedger.isIn(state.storage.sql)) this.#table = this.#opened();
    void state.blockConcurrencyWhile(async () => {
      this.#sweepAt = await state.storage.getAlarm();
    });
  }

  async acquire(request: AcquireRequest): Promise<AcquireAnswer> {
    checkAcquire(request);
    this.#table ??= this.#opened();
    await this.#arm();
    const outcome = this.#table.acquire(request, Date.now());
    this.#watch(request.lock);
    return outcome.kind === "waiting" ? this.#wait(request, outcome.ticket) : outcome;
  }

  async renew(request: RenewRequest): Promise<HolderAnswer> {
    checkRenew(request);
    const answer = this.#table?.renew(request, Date.now()) ?? notHolder;
    this.#watch(request.lock);
    return answer;
  }

  async release(request: ReleaseRequest): Promise<HolderAnswer> {
    checkRelease(request);
    const answer = this.#table?.release(request, Date.now()) ?? notHolder;
    this.#watch(request.lock);
    return answer;
  }

  async leave(request: LeaveRequest): Promise<void> {
    checkLeave(request);
    this.#table?.leave(request, Date.now());
    this.#watch(request.lock);
  }

  async inspect(request: { readonly v: 1; readonly lock: string }): Promise<{ v: 1; state: LockState }> {
    checkLook(request);
    const { lock } = request;
    return { v: 1, state: this.#table?.inspect(lock, Date.now()) ?? { lock, state: "free", token: 0 } };
  }

  async list(request: {
    readonly v: 1;
    readonly after: string;
    readonly limit: number;
  }): Promise<{ v: 1; locks: readonly LockState[] }> {
    checkList(request);
    return { v: 1, locks: this.#table?.list(request.after, request.limit, Date.now()) ?? [] };
  }

  async clear(request: { readonly v: 1; readonly lock: string }): Promise<{ v: 1; state: LockState }> {
    checkLook(request);
    this.#table ??= this.#opened();
    const state = this.#table.clear(request.lock, Date.now());
    this.#watch(request.lock);
    return { v: 1, state };
  }

  /** Never `deleteAll`: the counter of the tokens stays, however long the shard is idle. */
  override async alarm(): Promise<void> {
    this.#sweepAt = null;
    const swept = this.#table?.sweep(Date.now(), rowsASlice) ?? "empty";
    if (swept !== "empty") await this.#armAt(Date.now() + (swept === "more" ? 0 : sweepEveryMs));
  }

  #opened(): LockTable {
    migrate(this.ctx.storage, schema);
    return new LockTable(new SqlLedger(this.ctx.storage.sql), (ticket, answer) => {
      this.#waiting.get(ticket)?.(answer);
    });
  }

  #wait({ lock, waitMs }: AcquireRequest, ticket: number): Promise<AcquireAnswer> {
    return new Promise((resolve) => {
      const end = setTimeout(() => {
        this.#table?.giveUp(lock, ticket, Date.now());
        this.#watch(lock);
      }, waitMs);
      this.#waiting.set(ticket, (answer) => {
        clearTimeout(end);
        this.#waiting.delete(ticket);
        resolve(answer);
      });
    });
  }

  /** The table says when the first in line is to be served; it is asked again whenever that may have changed. */
  #watch(lock: string): void {
    const watch = this.#watches.get(lock);
    if (watch !== undefined) clearTimeout(watch);
    const servesInMs = this.#table?.servesInMs(lock, Date.now()) ?? null;
    if (servesInMs === null) {
      this.#watches.delete(lock);
      return;
    }
    const serve = (): void => {
      this.#table?.serve(lock, Date.now());
      this.#watch(lock);
    };
    this.#watches.set(lock, setTimeout(serve, servesInMs));
  }

  async #arm(): Promise<void> {
    const now = Date.now();
    if (this.#sweepAt === null || this.#sweepAt + lateMs < now) await this.#armAt(now + sweepEveryMs);
  }

  async #armAt(sweepAt: number): Promise<void> {
    this.#sweepAt = sweepAt;
    await this.ctx.storage.setAlarm(sweepAt);
  }
}

const notHolder: HolderAnswer = { v: 1, kind: "not_holder" };
