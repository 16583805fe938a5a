/** Reads what is to be kept, beside the client who reads the same body. */

export interface Bounds {
  readonly maxBytes: number;
  /** Content-Length; null when it was not announced. */
  readonly announcedBytes: number | null;
  /** How long the whole body is waited for, ms. */
  readonly patienceMs: number;
}

/**
 * Null for a body that is larger than it may be, broken off, too slow, or of another length than was announced: nothing
 * of it is kept. Then the stream is cancelled, so that its other branch flows on alone, and so that an upstream which
 * stalls is not held by this branch when its client has gone.
 */
export async function collect(
  stream: ReadableStream<Uint8Array>,
  { maxBytes, announcedBytes, patienceMs }: Bounds,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isGivenUp = false;
  const giveUp = async (): Promise<void> => {
    isGivenUp = true;
    await reader.cancel();
  };
  // A stream that is broken already cannot be cancelled, and need not be.
  const timer = setTimeout(() => void giveUp().catch(() => undefined), patienceMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.byteLength;
      if (length > maxBytes) await giveUp();
      else chunks.push(value);
    }
  } catch {
    // The upstream broke off, or the client did: the client's branch has the error, and half a body is not kept.
    return null;
  } finally {
    clearTimeout(timer);
  }
  return !isGivenUp && (announcedBytes ?? length) === length ? joined(chunks, length) : null;
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
