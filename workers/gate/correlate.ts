/** Names for one request: an id of the mesh's own, and a place in the caller's trace (W3C Trace Context). */

/** Version 00: 32 hex digits of trace, 16 of parent, flags. */
const traceparentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

export interface Correlation {
  readonly requestId: string;
  /** What goes on to the upstream: the caller's trace with this hop as its parent, or a trace begun here. */
  readonly traceparent: string;
  /** Whether the caller's own trace goes on; `tracestate` goes on only then. */
  readonly isContinued: boolean;
}

/** Makes correlations for one isolate: random once, then counted. */
export class Correlator {
  readonly #trace: string;
  readonly #span: string;
  #count = 0;

  /** `random` fills its argument with random bytes: called once. */
  constructor(random: (bytes: Uint8Array) => void) {
    const bytes = new Uint8Array(16);
    random(bytes);
    const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    this.#trace = digits.slice(0, 24);
    this.#span = digits.slice(24, 32);
  }

  next(traceparent: string | null): Correlation {
    this.#count = (this.#count + 1) % 0x1_0000_0000;
    const count = this.#count.toString(16).padStart(8, "0");
    // 96 random bits of the isolate and 32 counted ones: no two requests of the mesh share them.
    const requestId = this.#trace + count;
    // The random half is never all zeros in practice, and a count of 0 comes once in 2^32: neither id is all zeros.
    const span = this.#span + count;
    const caller = traceparent === null ? null : readTraceparent(traceparent);
    if (caller === null) return { requestId, traceparent: `00-${requestId}-${span}-01`, isContinued: false };
    return { requestId, traceparent: `00-${caller.trace}-${span}-${caller.flags}`, isContinued: true };
  }
}

/** Null for one that must be dropped: malformed, of version ff, or with an id of zeros only. */
export function readTraceparent(text: string): { readonly trace: string; readonly flags: string } | null {
  const [, version, trace, parent, flags, rest] = traceparentForm.exec(text) ?? [];
  if (version === undefined || trace === undefined || flags === undefined) return null;
  if (version === "ff" || (version === "00" && rest !== undefined)) return null;
  if (/^0+$/.test(trace) || /^0+$/.test(parent ?? "")) return null;
  // A later version is answered as version 00, of which only the sampled flag is known.
  return { trace, flags: version === "00" ? flags : sampledOf(flags) };
}

function sampledOf(flags: string): string {
  return Number.parseInt(flags, 16) % 2 === 1 ? "01" : "00";
}
