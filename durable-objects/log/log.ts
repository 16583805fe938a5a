/** The Log object: takes calls, asks the core, hands events on, waits for receipts. */
import { DurableObject } from "cloudflare:workers";
import { migrate } from "../platform/schema.ts";
import { regionStub } from "../stubs.ts";
import { AckWaiters } from "./ack-waiters.ts";
import { BroadcastSender } from "./broadcast-sender.ts";
import type {
  Ack,
  AppliedReport,
  Cursor,
  LogContract,
  LogSettings,
  LogStatus,
  Page,
  PublishAnswer,
  PublishRequest,
  Receipt,
  RenewAnswer,
  RenewRequest,
  MeshEvent,
} from "./contract.ts";
import { LogCore } from "./log-core.ts";
import { Pusher } from "./pusher.ts";
import { logSchema, SqlLogLedger } from "./sql-ledger.ts";
import { checkSubmission } from "./submission.ts";

/** How long the quick ways have before the alarm looks after what is owed, ms. */
const alarmAfterMs = 1_000;
/** Trimming is never urgent, ms. */
const leastTrimWaitMs = 60_000;
const trimSlicesAnAlarm = 10;
/** After an alarm that failed for a reason that nobody foresaw, ms. */
const failedAlarmMs = 5_000;
/** Publishers that wait for an ack at the same time. */
const mostWaiters = 2_000;
/** The platform ends at 10 GB; before that nothing more is taken, and what is there can still be read and trimmed. */
const mostBytes = 9_000_000_000;

export class Log extends DurableObject<Env> implements LogContract {
  readonly #core: LogCore;
  readonly #waiters: AckWaiters;
  readonly #pusher: Pusher;
  readonly #sender: BroadcastSender;
  /** Without a queue every event is pushed, and not only one whose publisher waits. */
  readonly #pushesAll: boolean;
  /** When the alarm is due, as far as this object has set it; null when it does not know of one. */
  #alarmAt: number | null = null;
  /** Whether the last look found nothing more that is past its time. */
  #isTrimmed = true;

  constructor(state: DurableObjectState, env: Env, settings: LogSettings) {
    super(state, env);
    migrate(state.storage, logSchema);
    const core = new LogCore(new SqlLogLedger(state.storage), settings, Date.now(), newEpoch());
    this.#core = core;
    this.#waiters = new AckWaiters({
      reachedThrough: (ack, now) => core.reachedThrough(ack, now),
      changesAt: (now) => core.changesAt(now),
      now: Date.now,
      after: (ms, call) => {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
    });
    this.#pusher = new Pusher({
      apply: (region, message) => regionStub(env, settings.environment, region).apply(message),
      messageFor: (region) => core.messageFor(region, Date.now()),
      head: () => core.head,
      report: (report) => this.#heard([report]),
    });
    this.#pushesAll = settings.broadcast === "push";
    this.#sender = new BroadcastSender({
      core,
      send: this.#pushesAll ? null : (messages) => env.BROADCAST.sendBatch(messages.map((body) => ({ body }))),
      now: Date.now,
      random: Math.random,
    });
  }

  async publish(request: PublishRequest): Promise<PublishAnswer> {
    const submission = checkSubmission(request);
    if (submission.kind === "malformed") return refused("malformed", submission.detail);
    const { ack, timeoutMs } = request;
    if (ack !== "none" && this.#waiters.count >= mostWaiters) {
      return refused("overloaded", `${mostWaiters} publishers are waiting for an acknowledgement`);
    }
    if (this.ctx.storage.sql.databaseSize > mostBytes) return refused("overloaded", "the Log's storage is full");
    const { events, newest } = this.#core.append(submission.entries, Date.now());
    await this.#handOn();
    if (newest !== null && (ack !== "none" || this.#pushesAll)) this.#push(newest.seq, ack);
    const published = { v: 1 as const, kind: "published" as const, epoch: this.#core.epoch, events };
    if (ack === "none") return { ...published, acknowledged: true, receipts: [] };
    if (newest === null) return { ...published, acknowledged: false, receipts: [] };
    const acknowledged = await this.#waiters.wait(newest.seq, ack, timeoutMs);
    return { ...published, acknowledged, receipts: this.#core.receipts(newest, Date.now()) };
  }

  async renew(request: RenewRequest): Promise<RenewAnswer> {
    const answer = this.#core.renew(request, Date.now(), newEpoch());
    this.#waiters.wake();
    return answer;
  }

  async read({ cursor }: { readonly v: 1; readonly cursor: Cursor | null }): Promise<Page> {
    return this.#core.read(cursor);
  }

  async applied({ reports }: { readonly v: 1; readonly reports: readonly AppliedReport[] }): Promise<void> {
    this.#heard(reports);
  }

  async receipts({
    id,
  }: {
    readonly v: 1;
    readonly id: string;
  }): Promise<
    { v: 1; kind: "found"; event: MeshEvent; epoch: string; receipts: readonly Receipt[] } | { v: 1; kind: "unknown" }
  > {
    const event = this.#core.find(id);
    if (event === null) return { v: 1, kind: "unknown" };
    const receipts = this.#core.receipts(event, Date.now());
    return { v: 1, kind: "found", event, epoch: this.#core.epoch, receipts };
  }

  async status(): Promise<LogStatus> {
    return this.#core.status(Date.now());
  }

  async wake(): Promise<void> {
    // What this object has set may be an alarm that the platform gave up.
    this.#alarmAt = await this.ctx.storage.getAlarm();
    const at = this.#nextAlarm(Date.now());
    if (at !== null) await this.#arm(at);
    void this.#sender.send();
  }

  /** Never throws: an alarm that fails six times is not called again. */
  override async alarm(): Promise<void> {
    this.#alarmAt = null;
    try {
      await this.#lookAfter();
      const at = this.#nextAlarm(Date.now());
      if (at !== null) await this.#arm(at);
    } catch (error) {
      console.error({ event: "log_alarm_failed", error: String(error) });
      await this.#arm(Date.now() + failedAlarmMs);
    }
  }

  /** What the quick ways did not do: the queue, regions that were not reached, and what is past its time. */
  async #lookAfter(): Promise<void> {
    const silent = this.#core.silentAbout(this.#core.head, "regions", Date.now());
    await Promise.all([this.#sender.send(), ...silent.map((region) => this.#pusher.push(region))]);
    this.#isTrimmed = trim(this.#core, Date.now());
    this.#core.shorten(Date.now());
  }

  async #handOn(): Promise<void> {
    // Under way beside the answer, which the platform holds back until the insert is durable.
    void this.#sender.send();
    await this.#arm(Date.now() + alarmAfterMs);
  }

  /** Not waited for: who waits for an ack is woken by what Regions report. */
  #push(seq: number, ack: Ack): void {
    const regions = this.#core.silentAbout(seq, ack === "none" ? "regions" : ack, Date.now());
    for (const region of regions) void this.#pusher.push(region);
  }

  #heard(reports: readonly AppliedReport[]): void {
    this.#core.report(reports, Date.now());
    this.#waiters.wake();
  }

  /** null when nothing is owed and nothing is kept. */
  #nextAlarm(now: number): number | null {
    const owesRegions = this.#core.silentAbout(this.#core.head, "regions", now).length > 0;
    const regionsAt = owesRegions ? now + alarmAfterMs : Infinity;
    const queueAt = this.#core.unsent > 0 ? Math.max(now, this.#sender.retryAt ?? now + alarmAfterMs) : Infinity;
    const trimAt = this.#isTrimmed ? Math.max(now + leastTrimWaitMs, this.#core.trimAt()) : now + alarmAfterMs;
    const at = Math.min(regionsAt, queueAt, trimAt);
    return at === Infinity ? null : at;
  }

  /** An earlier alarm stands. */
  async #arm(at: number): Promise<void> {
    if (this.#alarmAt !== null && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    await this.ctx.storage.setAlarm(at);
  }
}

function trim(core: LogCore, now: number): boolean {
  for (let slice = 0; slice < trimSlicesAnAlarm; slice += 1) if (core.trim(now) === "done") return true;
  return false;
}

function refused(reason: "overloaded" | "malformed", detail: string): PublishAnswer {
  return { v: 1, kind: "refused", reason, detail };
}

function newEpoch(): string {
  return [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
