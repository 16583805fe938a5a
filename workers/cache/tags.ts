/**
 * Names under which an answer can be invalidated: the route's, and those that the answer itself carries in Cache-Tag
 * (between commas) or Surrogate-Key (between spaces). They are compared bytewise. Both fields, and Surrogate-Control,
 * are for caches in front of the service and not for clients: the mesh takes them off.
 */
const mostTags = 128;

/** Printable ASCII, at most 64 bytes. A space may stand inside a tag of Cache-Tag. */
const tagForm = /^[ -~]{1,64}$/;

/** `unfit`: there is a tag that an invalidation could not name, or there are too many; the answer is not kept. */
export function tagsOf(headers: Headers, ofRoute: readonly string[]): readonly string[] | "unfit" {
  const cacheTag = headers.get("cache-tag");
  const surrogateKey = headers.get("surrogate-key");
  if (cacheTag === null && surrogateKey === null) return ofRoute;
  const tags = new Set(ofRoute);
  for (const part of cacheTag?.split(",") ?? []) tags.add(part.trim());
  // Several Surrogate-Key lines arrive joined with commas.
  for (const part of surrogateKey?.split(/[\s,]+/) ?? []) tags.add(part);
  tags.delete("");
  if (tags.size > mostTags) return "unfit";
  for (const tag of tags) if (!tagForm.test(tag)) return "unfit";
  return [...tags];
}

export function carriesTags(headers: Headers): boolean {
  return headers.has("cache-tag") || headers.has("surrogate-key");
}
