/** The table that is printed: what was measured, beside what was wanted. */

export interface Row {
  /** The promise that it stands for; none for what explains another row. */
  readonly id: string;
  readonly what: string;
  readonly goal: string;
  readonly result: string;
  readonly spread?: string;
  /** A second, on this machine. */
  readonly rates?: { readonly ours: number; readonly theirs: number };
}

/** Of one set of rows that are measured together: what `--only` names. */
export interface Measure {
  readonly ids: readonly string[];
  readonly run: (isQuick: boolean) => Promise<readonly Row[]>;
}

export function tableOf(rows: readonly Row[]): string {
  const head = "| id | measure | goal | result | spread | ours/s | theirs/s |\n|---|---|---|---|---|---|---|\n";
  return head + rows.map(lineOf).join("");
}

function lineOf({ id, what, goal, result, spread = "", rates }: Row): string {
  const [ours, theirs] = rates === undefined ? ["", ""] : [Math.round(rates.ours), Math.round(rates.theirs)];
  return `| ${id} | ${what} | ${goal} | ${result} | ${spread} | ${ours} | ${theirs} |\n`;
}
