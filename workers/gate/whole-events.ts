/**
 * Passes an event stream on event by event (HTML, section 9.2.6), so that it can be ended between two of them: what is cut
 * off in the middle becomes an event for its client as soon as an empty line follows, and its id one that it has seen.
 * What has begun is held back until it is whole, and then passes as it came; comments pass with their line.
 */

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const colon = 0x3a;

const nothing = new Uint8Array(0);

export class WholeEvents {
  readonly #longestHeld: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isBetween = true;
  #isLineEmpty = true;
  /** A line other than comments has begun since the last event. */
  #isInEvent = false;
  #hasReturned = false;

  /** A longer event passes as it comes, bytes: until its end the stream can only be broken off. */
  constructor(longestHeld = 65_536) {
    this.#longestHeld = longestHeld;
  }

  /** What has passed ends with a whole event. */
  get isBetween(): boolean {
    return this.#isBetween;
  }

  /** What may pass now: perhaps nothing. */
  take(piece: Uint8Array): Uint8Array {
    const end = this.#endOfWhole(piece);
    if (end > 0) {
      this.#hold(piece.subarray(0, end));
      const passed = this.rest();
      // A copy: what is held must not keep the whole piece.
      if (end < piece.byteLength) this.#hold(piece.slice(end));
      this.#isBetween = true;
      return passed;
    }
    this.#hold(piece);
    if (this.#isBetween && this.#heldBytes <= this.#longestHeld) return nothing;
    this.#isBetween = false;
    return this.rest();
  }

  /** Lets go of what is held back: a stream that ends by itself arrives as it was sent. */
  rest(): Uint8Array {
    const [first = nothing] = this.#held;
    const rest = this.#held.length <= 1 ? first : joined(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return rest;
  }

  #hold(piece: Uint8Array): void {
    this.#held.push(piece);
    this.#heldBytes += piece.byteLength;
  }

  /** Where the last event or comment of this piece ends; 0 when none does. */
  #endOfWhole(piece: Uint8Array): number {
    let end = 0;
    for (let index = 0; index < piece.byteLength; index += 1) {
      const byte = piece[index];
      const endsSameLine = byte === lineFeed && this.#hasReturned;
      this.#hasReturned = byte === carriageReturn;
      if (byte === lineFeed || byte === carriageReturn) {
        if (!endsSameLine) this.#endLine();
        if (!this.#isInEvent) end = index + 1;
      } else if (this.#isLineEmpty) {
        this.#isLineEmpty = false;
        this.#isInEvent ||= byte !== colon;
      }
    }
    return end;
  }

  #endLine(): void {
    if (this.#isLineEmpty) this.#isInEvent = false;
    this.#isLineEmpty = true;
  }
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}
