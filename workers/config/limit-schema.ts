/** What a limit may say, and its defaults. Which settings there are depends on the algorithm. */
import * as v from "valibot";
import { maxTokens } from "../../durable-objects/limiter/contract.ts";
import { quotaSchema } from "./quota-schema.ts";
import { choice, fields, isPlainObject, list, matching, method, wholeNumber } from "./shapes.ts";

/** 31 days: a month's window is whole. */
const longestWindowMs = 2_678_400_000;
/** Shorter leases would be renewed all the time, longer ones are missing for too long when an isolate dies. */
const shortestLeaseMs = 5_000;
const longestLeaseMs = 300_000;
const usualLeaseMs = 10_000;
const algorithm = choice(["fixed-window", "sliding-window", "token-bucket", "concurrency"]);

const part = matching(
  /^(?:address|subject|tenant|client|route|key|claim:[\x21-\x7e]{1,64}|header:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})$/,
  '"address", "subject", "tenant", "client", "route", "claim:NAME", "header:NAME", "key", or a list of these',
);

const methods = v.lazy((input) =>
  typeof input === "string"
    ? v.picklist(["read", "write"], '"read", "write", or a list of at least one method')
    : list(method, '"read", "write", or a list of at least one method', 1),
);

const common = {
  by: v.lazy((input) => (Array.isArray(input) ? list(part, "a list of at least one part", 1) : part)),
  quota: quotaSchema,
  mode: v.optional(choice(["enforce", "shadow"]), "enforce"),
  onError: v.optional(choice(["closed", "open", "leased"]), "closed"),
  timeoutMs: v.optional(wholeNumber(50, 10_000), 1_000),
  methods: v.optional(methods),
  prefix: v.optional(
    fields({ ipv4: v.optional(wholeNumber(8, 32), 32), ipv6: v.optional(wholeNumber(16, 128), 64) }),
    {},
  ),
};

const noBurst = v.optional(v.undefined('no such setting: only algorithm "token-bucket" has one'));

const windowSchema = fields({
  ...common,
  algorithm: v.optional(algorithm, "fixed-window"),
  windowMs: wholeNumber(100, longestWindowMs),
  burst: noBurst,
});

const bucketSchema = fields({
  ...common,
  algorithm,
  windowMs: wholeNumber(100, longestWindowMs),
  burst: v.optional(wholeNumber(1, maxTokens)),
});

const permitSchema = fields({
  ...common,
  algorithm,
  windowMs: v.optional(wholeNumber(shortestLeaseMs, longestLeaseMs), usualLeaseMs),
  burst: noBurst,
});

export type LimitSettings =
  | v.InferOutput<typeof windowSchema>
  | v.InferOutput<typeof bucketSchema>
  | v.InferOutput<typeof permitSchema>;

/** An algorithm that does not exist is told as such by the schema of the usual one. */
export const limitSchema = v.lazy((input): v.GenericSchema<unknown, LimitSettings> => {
  const written = isPlainObject(input) ? input["algorithm"] : undefined;
  if (written === "token-bucket") return bucketSchema;
  if (written === "concurrency") return permitSchema;
  return windowSchema;
});
