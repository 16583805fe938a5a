/** What a limit may say, and its defaults. */
import * as v from "valibot";
import { choice, fields, isPlainObject, list, matching, unavailable, wholeNumber } from "./shapes.ts";

const mostTokens = 1_000_000_000;
/** 31 days: a month's window is whole. */
const longestWindowMs = 2_678_400_000;

const part = matching(
  /^(?:address|subject|tenant|client|route|key|claim:[\x21-\x7e]{1,64}|header:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})$/,
  '"address", "subject", "tenant", "client", "route", "claim:NAME", "header:NAME", "key", or a list of these',
);

const quotaExpected = `a whole number from 0 to ${mostTokens} or "unlimited"`;
const quota = v.custom<number | "unlimited">(
  (value) => value === "unlimited" || v.is(wholeNumber(0, mostTokens), value),
  (issue) =>
    isPlainObject(issue.input) ? `${quotaExpected} (a quota by claim is not available in this version)` : quotaExpected,
);

export const limitSchema = fields({
  by: v.lazy((input) => (Array.isArray(input) ? list(part, "a list of at least one part", 1) : part)),
  algorithm: v.optional(choice(["fixed-window"], ["sliding-window", "token-bucket"]), "fixed-window"),
  quota,
  windowMs: wholeNumber(100, longestWindowMs),
  burst: unavailable(),
  mode: v.optional(choice(["enforce", "shadow"]), "enforce"),
  onError: v.optional(choice(["closed", "open"], ["leased"]), "closed"),
});
