/** Looks at a credential for as long as an answer goes on that was given to it, in the request's own context. */
import { inTime } from "../../durable-objects/platform/deadline.ts";
import { liveEndings, type Ending, type Running } from "./ending.ts";
import type { Found, LiveCourse } from "./live-course.ts";

export interface LiveWatchParts {
  readonly course: LiveCourse;
  /** `judgedAt`, ms since 1970: as of when. */
  readonly look: (judgedAt: number) => Found | Promise<Found>;
  readonly everyMs: number;
  /** A look that failed has found nothing. */
  readonly failed: (error: unknown) => void;
  readonly clock?: () => number;
  /** Calls once after so many ms; the answer ends that. */
  readonly after?: (ms: number, call: () => void) => () => void;
}

export class LiveWatch implements Running {
  readonly #parts: LiveWatchParts;
  readonly #clock: () => number;
  readonly #after: (ms: number, call: () => void) => () => void;
  readonly #over = Promise.withResolvers<Ending>();
  #warn: () => void = () => undefined;
  #stop: () => void;
  #isOn = true;

  constructor(parts: LiveWatchParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? Date.now;
    this.#after = parts.after ?? timer;
    this.#stop = this.#later();
  }

  get over(): Promise<Ending> {
    return this.#over.promise;
  }

  /** `warn` is called once, some time before the credential ends. */
  onWarning(warn: () => void): void {
    this.#warn = warn;
  }

  readonly ended = (): void => {
    this.#isOn = false;
    this.#stop();
  };

  #later(): () => void {
    return this.#after(this.#parts.everyMs, () => {
      const found = this.#look();
      if (found instanceof Promise) void this.#await(found);
      else this.#take(found);
    });
  }

  #look(): Found | Promise<Found> {
    const { course, failed, look } = this.#parts;
    try {
      return look(course.judgedAt(this.#clock()));
    } catch (error) {
      failed(error);
      return null;
    }
  }

  async #await(found: Promise<Found>): Promise<void> {
    const { course, failed } = this.#parts;
    try {
      const answered = await inTime(found, course.patienceMs(this.#clock()));
      this.#take(answered.kind === "answered" ? answered.answer : null);
    } catch (error) {
      failed(error);
      this.#take(null);
    }
  }

  #take(found: Found): void {
    if (!this.#isOn) return;
    const course = this.#parts.course.take(found, this.#clock());
    switch (course.kind) {
      case "go_on":
        if (course.isWarned) this.#warn();
        this.#stop = this.#later();
        return;
      case "over":
        this.#isOn = false;
        this.#over.resolve(liveEndings[course.code]);
        return;
      case "let_go":
        this.#isOn = false;
    }
  }
}

function timer(ms: number, call: () => void): () => void {
  const id = setTimeout(call, ms);
  return () => clearTimeout(id);
}
