/** A reason for which a mesh cannot start that its user can do something about: shown as a sentence, without a stack. */
export class CannotStart extends Error {
  constructor(because: string, options?: ErrorOptions) {
    super(`cannot start: ${because}`, options);
    this.name = "CannotStart";
  }
}
