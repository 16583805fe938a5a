/** `data` of an event of type `invalidation`, and how it is read by a version that may be older than its writer. */

/** Where an invalidation by URL or prefix points; `host` null is every host. */
export interface Place {
  readonly host: string | null;
  readonly path: string;
}

/** `data` of an event of type `invalidation`. */
export interface InvalidationData {
  readonly tags?: readonly string[];
  readonly urls?: readonly Place[];
  readonly prefixes?: readonly Place[];
  readonly everything?: true;
  readonly mode: "purge" | "stale";
}

const everything: InvalidationData = { everything: true, mode: "purge" };
const members = new Set(["tags", "urls", "prefixes", "everything", "mode"]);

/** What is not understood whole may hit anything: it is taken for an invalidation of everything, which is never wrong. */
export function readInvalidation(data: unknown): InvalidationData {
  if (typeof data !== "object" || data === null) return everything;
  if (Object.keys(data).some((member) => !members.has(member))) return everything;
  const { tags, urls, prefixes, everything: all, mode } = data as Readonly<Record<string, unknown>>;
  const isRead =
    (mode === "purge" || mode === "stale") &&
    (all === undefined || all === true) &&
    isListOf(tags, (tag) => typeof tag === "string") &&
    isListOf(urls, isPlace) &&
    isListOf(prefixes, isPlace);
  return isRead ? (data as InvalidationData) : everything;
}

function isListOf(list: unknown, isItem: (item: unknown) => boolean): boolean {
  return list === undefined || (Array.isArray(list) && list.every(isItem));
}

function isPlace(place: unknown): boolean {
  if (typeof place !== "object" || place === null) return false;
  const { host, path } = place as Readonly<Record<string, unknown>>;
  return (host === null || typeof host === "string") && typeof path === "string";
}
