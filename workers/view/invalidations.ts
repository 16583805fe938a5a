/**
 * The invalidations that an isolate knows of: numbers, compared at look-up. Issuing one costs nothing but its record,
 * however many entries it hits; nothing is ever searched or deleted.
 *
 * Bounded: past the bound the older half is forgotten and the floor raised over it. What was kept from before the floor
 * is refused then, which is too careful and never wrong.
 */
import type { InvalidationData, Place } from "./invalidation-data.ts";
import type { EntryVerdict, Marked } from "./marked.ts";

/** The newest event of each mode that names something. */
interface Marks {
  purgedAt: number;
  staleAt: number;
}

const never = 0;
/** Records of tags, URLs and prefixes together: a few MB. */
const defaultBound = 20_000;

export class Invalidations {
  readonly #bound: number;
  readonly #tags = new Map<string, Marks>();
  readonly #urls = new Map<string, Marks>();
  /** In the order of their events: a look ends at the first that was compared before. */
  #prefixes: { readonly prefix: string; readonly marks: Marks }[] = [];
  #everything: Marks = { purgedAt: never, staleAt: never };
  #floor = 0;
  #newest = 0;

  constructor(bound: number = defaultBound) {
    this.#bound = bound;
  }

  /** The newest event that could have hit anything: what was checked through here needs no look. */
  get newest(): number {
    return this.#newest;
  }

  get size(): number {
    return this.#tags.size + this.#urls.size + this.#prefixes.length;
  }

  /** Everything from before `floor` is held for purged; what was known of single things has lost its use. */
  reset(floor: number): void {
    this.#tags.clear();
    this.#urls.clear();
    this.#prefixes = [];
    this.#everything = { purgedAt: never, staleAt: never };
    this.#floor = floor;
    this.#newest = floor;
  }

  add(seq: number, data: InvalidationData): void {
    this.#newest = Math.max(this.#newest, seq);
    for (const tag of data.tags ?? []) this.#mark(this.#tags, tag, seq, data.mode);
    for (const place of data.urls ?? []) this.#mark(this.#urls, keyOf(place), seq, data.mode);
    for (const place of data.prefixes ?? []) {
      const marks = raised({ purgedAt: never, staleAt: never }, seq, data.mode);
      this.#prefixes.push({ prefix: keyOf(place), marks });
    }
    if (data.everything === true) this.#everything = raised(this.#everything, seq, data.mode);
    if (this.size > this.#bound) this.#forgetOlderHalf();
  }

  /** Moves the entry's `checkedThrough` when it passes. The usual look is one comparison. */
  verdictOn(entry: Marked): EntryVerdict {
    const since = entry.checkedThrough;
    if (since >= this.#newest) return "valid";
    if (since < this.#floor) return "purged";
    const worst = { purgedAt: never, staleAt: never };
    gather(worst, this.#everything);
    for (const tag of entry.tags) gather(worst, this.#tags.get(tag));
    if (this.#urls.size > 0) {
      gather(worst, this.#urls.get(entry.host + entry.path));
      gather(worst, this.#urls.get(anyHost + entry.path));
    }
    this.#gatherPrefixes(worst, entry, since);
    if (worst.purgedAt > since) return "purged";
    if (worst.staleAt > since) return "stale";
    entry.checkedThrough = this.#newest;
    return "valid";
  }

  #gatherPrefixes(worst: Marks, entry: Marked, since: number): void {
    const own = entry.host + entry.path;
    const any = anyHost + entry.path;
    for (let index = this.#prefixes.length - 1; index >= 0; index -= 1) {
      const record = this.#prefixes[index];
      if (record === undefined || newestOf(record.marks) <= since) return;
      if (own.startsWith(record.prefix) || any.startsWith(record.prefix)) gather(worst, record.marks);
    }
  }

  #mark(records: Map<string, Marks>, key: string, seq: number, mode: InvalidationData["mode"]): void {
    records.set(key, raised(records.get(key) ?? { purgedAt: never, staleAt: never }, seq, mode));
  }

  #forgetOlderHalf(): void {
    const named = [this.#tags, this.#urls];
    const all = [...named.flatMap((records) => [...records.values()]), ...this.#prefixes.map(({ marks }) => marks)];
    const ages = all.map(newestOf).toSorted((a, b) => a - b);
    const cut = ages[Math.floor(ages.length / 2)] ?? 0;
    for (const records of named) {
      for (const [key, marks] of records) if (newestOf(marks) <= cut) records.delete(key);
    }
    this.#prefixes = this.#prefixes.filter(({ marks }) => newestOf(marks) > cut);
    this.#floor = Math.max(this.#floor, cut);
  }
}

/** No host name holds an asterisk. */
const anyHost = "*";

function keyOf({ host, path }: Place): string {
  return (host ?? anyHost) + path;
}

function raised(marks: Marks, seq: number, mode: InvalidationData["mode"]): Marks {
  return mode === "purge"
    ? { purgedAt: Math.max(marks.purgedAt, seq), staleAt: marks.staleAt }
    : { purgedAt: marks.purgedAt, staleAt: Math.max(marks.staleAt, seq) };
}

function gather(worst: Marks, marks: Marks | undefined): void {
  if (marks === undefined) return;
  if (marks.purgedAt > worst.purgedAt) worst.purgedAt = marks.purgedAt;
  if (marks.staleAt > worst.staleAt) worst.staleAt = marks.staleAt;
}

function newestOf({ purgedAt, staleAt }: Marks): number {
  return Math.max(purgedAt, staleAt);
}
