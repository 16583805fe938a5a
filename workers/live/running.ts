/** What runs on after its answer has begun, and what ends it before its time. */
export interface Running<Why> {
  /** When this resolves, what runs must stop; perhaps it never does. */
  readonly over: Promise<Why>;
  /** Called when nothing runs any more; more often does no harm. */
  readonly ended: () => void;
}

/** How a WebSocket is told. */
export interface Cut {
  readonly closeCode: number;
  readonly reason: string;
}

/** The registry of RFC 6455 section 11.7. */
export const tryAgainLater = 1013;

export const permitCut: Cut = { closeCode: tryAgainLater, reason: "the permit of this connection has ended" };
