/**
 * Histories of the uses of one family's code and refresh tokens, at two edges at once: requests and answers are on their
 * way for as long as the history says, and an answer may be lost. A referee that knows nothing of how they were decided
 * holds the answers against T7.
 */
import type { Answer, Deciding, Design, Secret } from "./grant-designs.ts";

export type Step =
  | { readonly kind: "use"; readonly edge: number; readonly secret: Secret }
  /** One of those under way takes its next step, or is answered. */
  | { readonly kind: "go_on"; readonly which: number }
  | { readonly kind: "lose"; readonly which: number }
  | { readonly kind: "wait"; readonly ms: number };

interface Use {
  readonly secret: Secret;
  readonly sentAt: number;
  readonly deciding: Deciding;
  hasRead: boolean;
  answer: Answer | null;
}

/** What was answered, and when in the history it was sent and answered. */
interface Answered {
  readonly secret: Secret;
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly answer: Answer;
}

export interface Outcome {
  readonly answers: Readonly<Record<Answer["kind"], number>>;
  /** What T7 forbids and was seen. */
  readonly violations: readonly string[];
}

/** Plays a history, and lets all that is under way end. */
export function play(design: Design, graceMs: number, steps: readonly Step[]): Outcome {
  const begin = design(graceMs);
  const under: Use[] = [];
  const answered: Answered[] = [];
  let now = 0;
  let moment = 0;

  const goOn = (use: Use): void => {
    const { deciding, secret, sentAt, answer } = use;
    if (answer !== null) {
      under.splice(under.indexOf(use), 1);
      answered.push({ secret, sentAt, answeredAt: moment, answer });
    } else if (!use.hasRead && deciding.read !== undefined) {
      deciding.read();
      use.hasRead = true;
    } else {
      use.answer = deciding.decide(now);
    }
  };
  const take = (step: Step): void => {
    if (step.kind === "wait") {
      now += step.ms;
    } else if (step.kind === "use") {
      const { edge, secret } = step;
      under.push({ secret, sentAt: moment, deciding: begin(edge, secret), hasRead: false, answer: null });
    } else {
      const use = under[step.which % Math.max(1, under.length)];
      if (use === undefined) return;
      if (step.kind === "go_on") goOn(use);
      else if (use.answer !== null) under.splice(under.indexOf(use), 1);
    }
  };

  for (const step of steps) {
    moment += 1;
    take(step);
  }
  for (moment += 1; under[0] !== undefined; moment += 1) goOn(under[0]);
  const answers = { redeemed: 0, refreshed: 0, reused: 0, refused: 0 };
  for (const { answer } of answered) answers[answer.kind] += 1;
  return { answers, violations: judged(answered, graceMs) };
}

const isGood = ({ answer }: Answered): boolean => answer.kind === "redeemed" || answer.kind === "refreshed";
const successorOf = ({ answer }: Answered): number => (answer.kind === "refreshed" ? answer.generation : 1);

function judged(answered: readonly Answered[], graceMs: number): readonly string[] {
  const found: string[] = [];
  const good = answered.filter(isGood);
  const reuses = answered.filter(({ answer }) => answer.kind === "reused");
  for (const secret of new Set(good.map((each) => each.secret))) {
    const uses = good.filter((each) => each.secret === secret);
    const successors = new Set(uses.map(successorOf));
    if (successors.size > 1) found.push(`${secret} has the successors ${[...successors].join(" and ")}`);
    if (uses.length > 1 && (graceMs === 0 || secret === "code")) found.push(`${secret} was good ${uses.length} times`);
  }
  for (const use of good) {
    const { secret, sentAt } = use;
    if (reuses.some(({ answeredAt }) => answeredAt < sentAt)) found.push(`${secret} was good after a reuse was told`);
    const next = successorOf(use);
    const isOvertaken = good.some((other) => other.secret === next && other.answeredAt < sentAt);
    if (isOvertaken) found.push(`${secret} was good after its successor was used`);
  }
  return found;
}
