/** The fields of a request's head, read once: every look into the runtime's own Headers costs more than a Map. */

/** Names are lower case; a field that came more than once is one value, joined with commas (RFC 9110 section 5.3). */
export type Fields = ReadonlyMap<string, string>;

/** Bytes of names and values, with what separates them on the wire. */
export const maxHeadBytes = 65_536;

export interface RequestHead {
  readonly fields: Fields;
  /** Close to what the client sent; never less than the sum of names and values. */
  readonly bytes: number;
}

export function readHead(headers: Headers, url: string): RequestHead {
  const fields = new Map<string, string>();
  let bytes = url.length;
  // forEach costs less than an iterator in this runtime.
  headers.forEach((value, name) => {
    fields.set(name, value);
    bytes += name.length + value.length + 4;
  });
  return { fields, bytes };
}
