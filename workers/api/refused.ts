/** Thrown inside the mesh API only, to leave a handler with a refusal; the app's one error hook answers it. */
import { refuse, type Refusal } from "../problem/problem.ts";
import type { ProblemCode } from "../problem/codes.ts";

export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code);
    this.name = "Refused";
    this.refusal = refusal;
  }
}

export function refused(code: ProblemCode, detail?: string, more?: Omit<Refusal, "code" | "detail">): Refused {
  return new Refused(refuse(code, detail, more));
}
