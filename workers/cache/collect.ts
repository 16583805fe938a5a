/** Reads what is to be kept, beside the client who reads the same body. */

/**
 * Null for a body that is larger than `maxBytes`, broken off, or of another length than was announced (null: not
 * announced): nothing of it is kept. Past the limit the stream is cancelled, so that its other branch flows on alone.
 */
export async function collect(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  announcedBytes: number | null,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.byteLength;
      if (length > maxBytes) {
        await reader.cancel();
        return null;
      }
      chunks.push(value);
    }
  } catch {
    // The upstream broke off, or the client did: the client's branch has the error, and half a body is not kept.
    return null;
  }
  return announcedBytes === null || announcedBytes === length ? joined(chunks, length) : null;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}

/** Content-Length; null when there is none, `unfit` when it is no number. */
export function announcedLength(headers: Headers): number | null | "unfit" {
  const text = headers.get("content-length");
  if (text === null) return null;
  return /^\d{1,15}$/.test(text) ? Number(text) : "unfit";
}
