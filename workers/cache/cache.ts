/**
 * What one isolate keeps of answers: its own memory, and behind it the region's copies in the Cache API. Whether a kept
 * answer may be used is decided by who asks it here, every time, against the view.
 */
import { ChangedUrls, longestFillMs } from "./changed-urls.ts";
import type { Entry } from "./entry.ts";
import type { Key } from "./key.ts";
import { Memory, type Found } from "./memory.ts";
import { RegionCopies, type PlatformCache } from "./region-copies.ts";
import type { Asker } from "./vary.ts";

export interface CacheSettings {
  readonly region: string;
  readonly configVersion: string;
  readonly environment: string;
  /** What the memory may hold; 32 MiB when absent, of the 128 that an isolate has. */
  readonly maxBytes?: number;
  /** Opens the region's copies; the platform's `caches` when absent. */
  readonly open?: () => Promise<PlatformCache>;
}

export interface CacheFacts {
  readonly entries: number;
  readonly bytes: number;
  readonly regionFailures: number;
}

const defaultMaxBytes = 32 * 1024 * 1024;
/** The clocks of two hosts may differ by this much. */
const clockOffsetMs = 250;

export class Cache {
  readonly #memory: Memory;
  readonly #copies: RegionCopies;
  readonly #changed = new ChangedUrls();

  constructor(settings: CacheSettings) {
    const { configVersion, environment, maxBytes, open, region } = settings;
    this.#memory = new Memory(maxBytes ?? defaultMaxBytes);
    this.#copies = new RegionCopies({ environment, configVersion }, open ?? (() => caches.open(`selvedge-${region}`)));
  }

  facts(): CacheFacts {
    return { entries: this.#memory.size, bytes: this.#memory.bytes, regionFailures: this.#copies.failures };
  }

  find(key: Key, asker: Asker): Found {
    return this.#memory.find(key, asker);
  }

  /** What the region has, as begun no later than now: marks that come after count against it. */
  async findInRegion(key: Key, asker: Asker): Promise<Entry | null> {
    const entry = await this.#copies.find(key, asker);
    if (entry === null || this.#changed.isChangedSince(key.url, entry.startedAt - clockOffsetMs)) return null;
    return { ...entry, startedAt: Math.min(entry.startedAt, Date.now()) };
  }

  /** In memory only: it came from the region. */
  remember(key: Key, asker: Asker, entry: Entry): void {
    this.#memory.put(key, asker, entry);
  }

  /** Not, when the URL was changed meanwhile or the fill took too long to know. The promise is of the region's copy. */
  async keep(key: Key, asker: Asker, entry: Entry, now: number): Promise<void> {
    if (now - entry.startedAt > longestFillMs || this.isChangedSince(key, entry)) return;
    this.#memory.put(key, asker, entry);
    await this.#copies.put(key, asker, entry, now);
  }

  drop(key: Key, asker: Asker, entry: Entry): void {
    this.#memory.remove(key, asker, entry);
  }

  /** An unsafe request changed a URL: in force here when this returns. The promise is of cleaning up in the region. */
  change(url: string, now: number): Promise<void> {
    const cleaned = this.#changed.mark(url, now);
    this.#memory.forget(url);
    return this.#copies.forget(url).then((isDone) => (isDone ? cleaned() : undefined));
  }

  isChangedSince(key: Key, entry: Entry): boolean {
    return this.#changed.isChangedSince(key.url, entry.startedAt);
  }
}
