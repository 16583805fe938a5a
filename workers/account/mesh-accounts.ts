/** Accounts of the mesh: the edge hashes, the object compares. Names that nobody has take the same way. */
import { reach } from "../limit/reach.ts";
import { readKept, type AccountsOf, type AccountSource, type LookedUp, type ReadAccount } from "./account-source.ts";
import { passwordOf } from "./names.ts";
import { iterationsPerCall, passwordProofs, type Derive } from "./password-hash.ts";

export interface MeshAccountsParts {
  readonly accountsOf: AccountsOf;
  /** How many a password is hashed with from now on. */
  readonly rounds: number;
  readonly derive?: Derive;
}

export class MeshAccounts implements AccountSource {
  readonly #parts: MeshAccountsParts;

  constructor(parts: MeshAccountsParts) {
    this.#parts = parts;
  }

  async login(name: string, password: string): Promise<LookedUp> {
    const { accountsOf, rounds: wanted, derive } = this.#parts;
    const bytes = passwordOf(password);
    if (bytes === null) return { kind: "wrong" };
    const task = await reach(() => accountsOf(name).passwordParameters({ v: 1, name }));
    if (task.kind === "unreachable") return { kind: "unreachable", wasTried: false };
    const { salt, iterations, rounds } = task.answer;
    // Where the configuration has changed, the same chain passes by what it says now.
    const allRounds = Math.max(task.answer.allRounds, wanted);
    const proofs = await passwordProofs(bytes, { salt, iterations }, { rounds: [rounds, wanted], allRounds }, derive);
    const [proof, proofWanted] = [proofs.get(rounds), proofs.get(wanted)];
    if (proof === undefined || proofWanted === undefined) throw new Error("cannot log in: a round has no proof");
    const isOutdated = rounds !== wanted && iterations === iterationsPerCall;
    const renewed = { proof: proofWanted, parameters: { salt, iterations, rounds: wanted } };
    const checked = await reach(() =>
      accountsOf(name).check({
        v: 1,
        kind: "account",
        name,
        // A renewal whose answer was lost is asked for once more, and holds by then.
        proofs: isOutdated ? [proof, proofWanted] : [proof],
        ...(isOutdated ? { renewed } : {}),
      }),
    );
    return checked.kind === "unreachable" ? { kind: "unreachable", wasTried: false } : checked.answer;
  }

  read(name: string): Promise<ReadAccount> {
    return readKept(this.#parts.accountsOf, name);
  }
}
