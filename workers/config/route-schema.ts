/** What a route may say, and its defaults. What it means together with the rest is checked in `compile-route.ts`. */
import * as v from "valibot";
import { maxTokens } from "../../durable-objects/limiter/contract.ts";
import {
  choice,
  either,
  fieldName,
  fields,
  list,
  matching,
  method,
  plainObject,
  plainText,
  truth,
  unavailable,
  wholeNumber,
} from "./shapes.ts";

const yearMs = 31_536_000_000;

/** RFC 6749 section 3.3. */
const scope = matching(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "a scope (RFC 6749 section 3.3)");
/** Compared letter by letter with what a browser sends: lower case, no port where it is the usual one. */
const origin = v.custom<string>(
  (value) =>
    typeof value === "string" && URL.canParse(value) && /^https?:/.test(value) && new URL(value).origin === value,
  'an origin as browsers write it, such as "https://app.example.com"',
);
const pathText = v.string('a path pattern such as "/t/:tenant/*", or { host?, path }');
const hostText = matching(
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
  "a host name in lower case, without a port",
);

const corsSchema = fields({
  origins: v.lazy((input) =>
    input === "*" ? v.literal("*") : list(origin, 'a list of at least one origin, or "*"', 1),
  ),
  credentials: v.optional(truth, false),
  methods: v.optional(list(method, "a list of at least one method", 1)),
  headers: v.optional(list(fieldName, "a list of at least one header's name", 1)),
  exposed: v.optional(list(fieldName, "a list of headers' names"), []),
  maxAgeSeconds: v.optional(wholeNumber(0, 86_400), 600),
});

const cacheSchema = fields({
  freshness: v.optional(choice(["leased"], ["strict", "stale"]), "leased"),
  defaultTtlMs: v.optional(wholeNumber(0, yearMs), 0),
  tags: v.optional(
    list(
      matching(/^[\x21-\x7e]{1,64}$/, "a tag of 1 to 64 printable ASCII characters without spaces"),
      "a list of tags",
    ),
    [],
  ),
  partition: v.optional(
    list(choice(["tenant", "subject", "client", "roles"]), 'a list of "tenant", "subject", "client" or "roles"'),
    [],
  ),
  maxObjectBytes: v.optional(wholeNumber(1, 67_108_864), 1_048_576),
});

const needForm = "{ need, forward }";
const needs = ["none", "optional", "required"] as const;

const identitySchema = either(
  choice(needs, [], needForm),
  fields({
    need: choice(needs),
    forward: v.optional(choice(["token", "assertion", "none"]), "token"),
  }),
);

const limitForm = "the name of a limit, or { name, cost?, costHeader? }";
const limitUseSchema = either(
  v.string(limitForm),
  fields({
    name: v.string("the name of a limit"),
    cost: v.optional(wholeNumber(0, maxTokens), 1),
    costHeader: v.optional(fieldName),
  }),
);

export const routeSchema = fields({
  match: either(pathText, fields({ host: v.optional(hostText), path: v.string("a path pattern") })),
  methods: v.optional(list(method, "a list of at least one method", 1)),
  service: v.string("the name of a service"),
  identity: v.optional(identitySchema, "required"),
  allow: v.optional(
    fields({
      scopes: v.optional(list(scope, "a list of scopes"), []),
      roles: v.optional(list(plainText(128), "a list of roles"), []),
      claims: v.optional(plainObject("an object of claims, each with the value or values that will do"), {}),
      tenant: v.optional(matching(/^:[A-Za-z][A-Za-z0-9_]*$/, 'a parameter of the path, such as ":tenant"')),
      issuers: v.optional(list(plainText(256), "a list of at least one issuer", 1)),
    }),
  ),
  // That each is there once is checked with the names, however they are written.
  limits: v.optional(v.array(limitUseSchema, "a list of limits: names, or { name, cost?, costHeader? }"), []),
  cors: v.optional(either(v.literal("origin", '"origin" or { origins, credentials, … }'), corsSchema)),
  rewrite: v.optional(
    fields({
      strip: v.optional(v.string("the leading part of the route's path")),
      prefix: v.optional(v.string('a path such as "/v2"')),
    }),
  ),
  maxBodyBytes: v.optional(wholeNumber(0, 524_288_000)),
  cache: v.optional(cacheSchema),
  fence: unavailable(),
});

export type RouteSettings = v.InferOutput<typeof routeSchema>;
export type CorsSettings = v.InferOutput<typeof corsSchema>;
