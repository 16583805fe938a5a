/** How much a limit admits: an amount, or a table of amounts by the value of a claim. */
import * as v from "valibot";
import { maxTokens, type QuotaAmount } from "../../durable-objects/limiter/contract.ts";
import { either, fields, matching, plainObject, wholeNumber } from "./shapes.ts";

const mostPlans = 64;
const longestPlan = 256;

const amountExpected = `a whole number from 0 to ${maxTokens} or "unlimited"`;
const wholeAmount = wholeNumber(0, maxTokens);
const isAmount = (value: unknown): value is QuotaAmount => value === "unlimited" || v.is(wholeAmount, value);

const plansExpected = `an object of 1 to ${mostPlans} plans by their names`;
const isPlanName = (name: string): boolean => name.length >= 1 && name.length <= longestPlan;

/** Not `v.record`, which leaves out names such as "constructor" without a word: here they are plans like others. */
const plans = v.pipe(
  plainObject(plansExpected),
  v.check((of) => {
    const { length } = Object.keys(of);
    return length >= 1 && length <= mostPlans;
  }, plansExpected),
  v.rawTransform<Record<string, unknown>, Readonly<Record<string, QuotaAmount>>>(({ dataset, addIssue }) => {
    const { value: input } = dataset;
    const amounts: (readonly [string, QuotaAmount])[] = [];
    for (const [key, value] of Object.entries(input)) {
      const at = { type: "object", input, key, value } as const;
      if (!isPlanName(key)) {
        const message = `a plan's name of 1 to ${longestPlan} characters`;
        addIssue({ message, input: key, path: [{ ...at, origin: "key" }] });
      } else if (isAmount(value)) amounts.push([key, value]);
      else addIssue({ message: amountExpected, input: value, path: [{ ...at, origin: "value" }] });
    }
    return Object.fromEntries(amounts);
  }),
);

export const quotaSchema = either(
  v.custom<QuotaAmount>(
    isAmount,
    `a whole number from 0 to ${maxTokens}, "unlimited", or { claim, of: { PLAN: amount }, else }`,
  ),
  fields({
    claim: matching(/^[\x21-\x7e]{1,64}$/, "a claim's name"),
    of: plans,
    else: v.custom<QuotaAmount>(isAmount, amountExpected),
  }),
);
