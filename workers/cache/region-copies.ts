/**
 * Kept answers in the platform's Cache API: shared by the isolates of one data centre (locally: of one region). It keeps
 * bytes and decides nothing: it ignores Vary, freezes Age and knows no cursor, so all that counts travels in one header
 * of ours. What fails here is counted and taken for a miss.
 *
 * Two levels. A URL has one record: a random generation, and the names that its answers vary by. An answer lies under
 * the generation, the selector and the variant. To forget a URL is to delete its record: the answers under the old
 * generation can no longer be found, whatever arrives late.
 */
import type { Entry } from "./entry.ts";
import type { Key } from "./key.ts";
import type { Terms } from "./terms.ts";
import { unionOf, variantOf, type Asker } from "./vary.ts";

/** What is used of the platform's Cache. */
export interface PlatformCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

/** The first part of every name: what was kept by another mesh or under another configuration is not found. */
export interface Namespace {
  readonly environment: string;
  readonly configVersion: string;
}

interface UrlRecord {
  readonly v: 1;
  readonly url: string;
  readonly generation: string;
  readonly names: readonly string[];
}

/** An entry without its bytes, as it lies in the header. */
interface Written extends Terms {
  readonly v: 1;
  readonly place: readonly string[];
  readonly epoch: string;
  readonly seq: number;
  readonly tags: readonly string[];
  readonly status: number;
  readonly head: Readonly<Record<string, string>>;
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly names: readonly string[];
  readonly startedAt: number;
  readonly hasBody: boolean;
}

const field = "Selvedge-Entry";
/** A larger head is kept in memory only. */
const mostFieldLength = 16_384;
const daySeconds = 86_400;
/** How long a stale answer stays, to be confirmed by its validator. */
const validatorSeconds = 3_600;

export class RegionCopies {
  readonly #namespace: Namespace;
  readonly #open: () => Promise<PlatformCache>;
  #cache: PlatformCache | null = null;
  #failures = 0;

  constructor(namespace: Namespace, open: () => Promise<PlatformCache>) {
    this.#namespace = namespace;
    this.#open = open;
  }

  /** Calls that failed: each was a miss, or something not kept. */
  get failures(): number {
    return this.#failures;
  }

  async find(key: Key, asker: Asker): Promise<Entry | null> {
    return await this.#attempt(async (cache) => {
      const record = await this.#record(cache, key.url);
      if (record === null) return null;
      const place = placeOf(record, key, asker);
      const kept = await cache.match(await this.#addressOf(place));
      return kept === undefined ? null : await readEntry(kept, key, place);
    }, null);
  }

  async put(key: Key, asker: Asker, entry: Entry, now: number): Promise<void> {
    const maxAge = secondsToKeep(entry, now);
    if (maxAge <= 0) return;
    await this.#attempt(async (cache) => {
      const record = await this.#recordFor(cache, key.url, entry.names);
      if (record === null) return;
      const place = placeOf(record, key, asker);
      const text = asciiJson(writtenOf(entry, place));
      if (text.length > mostFieldLength) return;
      await cache.put(await this.#addressOf(place), copyOf(entry.body, { [field]: text }, maxAge));
    }, undefined);
  }

  /** False when it could not be done. */
  async forget(url: string): Promise<boolean> {
    return await this.#attempt(async (cache) => {
      await cache.delete(await this.#addressOf([url]));
      return true;
    }, false);
  }

  async #record(cache: PlatformCache, url: string): Promise<UrlRecord | null> {
    const kept = await cache.match(await this.#addressOf([url]));
    if (kept === undefined) return null;
    const record = await kept.json<UrlRecord>();
    return record.v === 1 && record.url === url ? record : null;
  }

  /** The URL's record that covers these names: a new generation where it does not. */
  async #recordFor(cache: PlatformCache, url: string, names: readonly string[]): Promise<UrlRecord | null> {
    const record = await this.#record(cache, url);
    const union = unionOf(record?.names ?? [], names);
    if (union === null) return null;
    if (record !== null && union.length === record.names.length) return record;
    const fresh: UrlRecord = { v: 1, url, generation: crypto.randomUUID(), names: union };
    await cache.put(await this.#addressOf([url]), copyOf(JSON.stringify(fresh), {}, daySeconds));
    return fresh;
  }

  /** A name for the platform. The text itself lies inside and is compared: nothing is believed of the digest. */
  async #addressOf(place: readonly string[]): Promise<string> {
    const { configVersion, environment } = this.#namespace;
    const text = JSON.stringify([environment, configVersion, ...place]);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    let name = "";
    for (const byte of digest) name += byte.toString(16).padStart(2, "0");
    return `https://cache.selvedge.internal/${name}`;
  }

  async #attempt<Result>(work: (cache: PlatformCache) => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      this.#cache ??= await this.#open();
      return await work(this.#cache);
    } catch {
      // The platform's cache may refuse anything at any time; without it the upstream is asked.
      this.#failures += 1;
      return otherwise;
    }
  }
}

function placeOf(record: UrlRecord, key: Key, asker: Asker): readonly string[] {
  return [key.url, record.generation, key.selector, variantOf(record.names, asker)];
}

function secondsToKeep(entry: Entry, now: number): number {
  const spare = entry.etag === null && entry.lastModified === null ? 0 : validatorSeconds;
  const useful = Math.ceil((entry.freshUntil - now + entry.staleIfErrorMs) / 1000);
  return Math.min(daySeconds, Math.max(0, useful) + spare);
}

function copyOf(body: BodyInit | null, head: Readonly<Record<string, string>>, maxAge: number): Response {
  const headers = { ...head, "Content-Type": "application/octet-stream", "Cache-Control": `public, max-age=${maxAge}` };
  return new Response(body, { headers });
}

function writtenOf(entry: Entry, place: readonly string[]): Written {
  const { epoch, etag, head, lastModified, names, seq, startedAt, status, tags } = entry;
  const { allowsCredentials, bornAt, freshUntil, mustRevalidate, staleIfErrorMs } = entry;
  const terms: Terms = { allowsCredentials, bornAt, freshUntil, mustRevalidate, staleIfErrorMs };
  const hasBody = entry.body !== null;
  return { v: 1, place, epoch, seq, tags, status, head, etag, lastModified, names, startedAt, hasBody, ...terms };
}

async function readEntry(kept: Response, key: Key, place: readonly string[]): Promise<Entry | null> {
  const written = JSON.parse(kept.headers.get(field) ?? "null") as Written | null;
  const bytes = new Uint8Array(await kept.arrayBuffer());
  if (written?.v !== 1 || JSON.stringify(written.place) !== JSON.stringify(place)) return null;
  const { v: _v, place: _place, hasBody, ...rest } = written;
  return { ...rest, host: key.host, path: key.path, checkedThrough: rest.seq, body: hasBody ? bytes : null };
}

/** A field value is bytes; JSON has an escape for everything else. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
