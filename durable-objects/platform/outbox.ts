/**
 * The outbox: an object that decides something writes the event about it here, in the same transaction, and it reaches
 * the Log however often the object, the Log or the way between them dies.
 *
 * Sent at least once, in order, under an id that never changes: the Log keeps one of them. The rows are what is owed;
 * the alarm only wakes. An alarm whose handler throws is given up after six tries, so `drain` throws nothing.
 */
import type { NewEvent, PublishAnswer } from "../log/contract.ts";
import { withinTime } from "./deadline.ts";

/** For `migrate`: the table. */
export const outboxTable = `CREATE TABLE outbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  event TEXT NOT NULL,
  retain TEXT,
  -- Why the Log will never take it; such a row is kept for the operator and holds up nobody.
  refused TEXT
)`;

export interface OutboxPorts {
  readonly storage: DurableObjectStorage;
  /** Gives events to the Log; may throw. */
  readonly publish: (events: readonly NewEvent[]) => Promise<PublishAnswer>;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly now: () => number;
}

/** The alarm after a write: the drain that follows the write comes first, unless the object dies in between. */
const firstAlarmMs = 1_000;
const longestRetryMs = 60_000;
const publishTimeoutMs = 10_000;
const batchEvents = 20;

/** How long to wait after the n-th failure in a row: doubled each time, with jitter, at most a minute. */
export function retryAfterMs(failures: number, random: number): number {
  const whole = Math.min(longestRetryMs, 500 * 2 ** Math.min(failures, 20));
  return Math.ceil(whole * (0.5 + random / 2));
}

export class Outbox {
  readonly #ports: OutboxPorts;
  #failures = 0;
  #batchSize = batchEvents;
  #draining: Promise<void> | null = null;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  /** Call it inside the transaction that the event tells of, and `drain` after it. */
  add(event: NewEvent): void {
    const { storage, now } = this.#ports;
    const retain = event.retain ?? null;
    // Only the newest of a retain key matters: while the Log is away, older ones need not pile up.
    if (retain !== null) storage.sql.exec("DELETE FROM outbox WHERE retain = ? AND refused IS NULL", retain);
    storage.sql.exec(
      "INSERT INTO outbox (id, event, retain) VALUES (?, ?, ?)",
      event.id,
      JSON.stringify(event),
      retain,
    );
    void storage.setAlarm(now() + firstAlarmMs);
  }

  /** Events that are still owed. */
  get owed(): number {
    return this.#ports.storage.sql
      .exec<{ owed: number }>("SELECT COUNT(*) AS owed FROM outbox WHERE refused IS NULL")
      .one().owed;
  }

  /** For an object that has just been made: arms the alarm when something is owed and nothing would wake it. */
  async rearm(): Promise<void> {
    const { storage, now } = this.#ports;
    if (this.owed > 0 && (await storage.getAlarm()) === null) await storage.setAlarm(now() + firstAlarmMs);
  }

  /** Sends what is owed; from the alarm, and right after a write. Callers at the same time share one run. */
  async drain(): Promise<void> {
    this.#draining ??= this.#drainAll().finally(() => {
      this.#draining = null;
    });
    await this.#draining;
  }

  async #drainAll(): Promise<void> {
    try {
      while (await this.#sendBatch()) this.#failures = 0;
      this.#failures = 0;
      this.#batchSize = batchEvents;
    } catch (error) {
      // Nothing is lost: the rows stand, and the alarm tries again.
      const waitMs = retryAfterMs(this.#failures, this.#ports.random());
      this.#failures += 1;
      console.warn({
        event: "outbox_delayed",
        owed: this.owed,
        failures: this.#failures,
        waitMs,
        error: String(error),
      });
      await this.#ports.storage.setAlarm(this.#ports.now() + waitMs);
    }
  }

  /** Whether there may be more. */
  async #sendBatch(): Promise<boolean> {
    const { storage, publish } = this.#ports;
    const rows = storage.sql
      .exec<{ position: number; id: string; event: string }>(
        "SELECT position, id, event FROM outbox WHERE refused IS NULL ORDER BY position LIMIT ?",
        this.#batchSize,
      )
      .toArray();
    if (rows.length === 0) return false;
    const answer = await withinTime(publish(rows.map(eventIn)), publishTimeoutMs, "the Log");
    if (answer.kind === "refused") {
      if (answer.reason === "overloaded") throw new Error(`the Log is overloaded: ${answer.detail}`);
      // A call is refused whole: sent alone, each event shows whether it was the one.
      if (rows.length === 1) for (const row of rows) this.#refuse(row, answer.detail);
      this.#batchSize = 1;
      return true;
    }
    const conflicts = new Set(answer.events.filter((event) => event.kind === "conflict").map((event) => event.id));
    storage.transactionSync(() => {
      for (const row of rows) {
        if (conflicts.has(row.id)) this.#refuse(row, "the id was used before with other content");
        else storage.sql.exec("DELETE FROM outbox WHERE position = ?", row.position);
      }
    });
    return true;
  }

  #refuse(row: { readonly position: number; readonly id: string }, detail: string): void {
    console.error({ event: "outbox_refused", id: row.id, detail });
    this.#ports.storage.sql.exec("UPDATE outbox SET refused = ? WHERE position = ?", detail, row.position);
  }
}

function eventIn(row: { readonly event: string }): NewEvent {
  return JSON.parse(row.event) as NewEvent;
}
