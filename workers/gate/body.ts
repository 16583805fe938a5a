/** The request's body on its way to the upstream: native streams that no JavaScript touches, unless they must be counted. */
import { refuse, type Refusal } from "../problem/problem.ts";
import type { Fields } from "./fields.ts";

export type OutgoingBody =
  | { readonly kind: "none" }
  | { readonly kind: "declared"; readonly stream: ReadableStream }
  | CountedBody;

/** Of unknown length: counted against the route's limit while it streams. */
export interface CountedBody {
  readonly kind: "counted";
  /** `cut` must end the call to the upstream at once: it is called before the stream fails. */
  start(cut: () => void): ReadableStream;
  /** Whether it was cut because it is longer than the route's limit. */
  isOver(): boolean;
}

/** A declared length over the route's limit is refused before anything else is worked out. */
export function refuseDeclared(fields: Fields, maxBodyBytes: number | null): Refusal | null {
  if (maxBodyBytes === null) return null;
  const declared = declaredLength(fields);
  return declared !== null && declared > maxBodyBytes ? tooLarge(maxBodyBytes) : null;
}

export function tooLarge(maxBodyBytes: number): Refusal {
  return refuse("too_large", `body: expected at most ${maxBodyBytes} bytes`);
}

export async function outgoingBody(
  request: Request,
  fields: Fields,
  maxBodyBytes: number | null,
): Promise<OutgoingBody | Refusal> {
  const { body, method } = request;
  if (body === null) return { kind: "none" };
  const declared = declaredLength(fields);
  if (method === "GET" || method === "HEAD") {
    // The platform's fetch takes no body with these methods; RFC 9110 section 9.3.1 gives one no meaning.
    if (declared === 0 || (declared === null && (await isEmpty(body)))) return { kind: "none" };
    return refuse("malformed_request", `body: expected none with ${method}`);
  }
  return maxBodyBytes === null || declared !== null ? { kind: "declared", stream: body } : counted(body, maxBodyBytes);
}

function declaredLength(fields: Fields): number | null {
  const text = fields.get("content-length");
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/**
 * The runtime ends a request properly when its body's stream fails, so that an upstream would take the part for the
 * whole. Therefore the call is cut first, whether the body is too long or its sender went away.
 */
function counted(body: ReadableStream, maxBodyBytes: number): CountedBody {
  let length = 0;
  let isOver = false;
  return {
    kind: "counted",
    isOver: () => isOver,
    start(cut) {
      const counter = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          length += chunk.byteLength;
          if (length <= maxBodyBytes) return controller.enqueue(chunk);
          isOver = true;
          cut();
          controller.error(new Error("the body is over the route's limit"));
        },
      });
      // What broke is known to the call, which was cut and tells the client; there is nobody else to tell.
      body.pipeTo(counter.writable, { preventAbort: true }).catch(cut);
      return counter.readable;
    },
  };
}

async function isEmpty(body: ReadableStream): Promise<boolean> {
  const reader = body.getReader();
  const first = await reader.read();
  if (first.done) return true;
  await reader.cancel();
  return false;
}
