/** The top of a configuration, part by part: each part is read for itself, so that one mistake hides no other. */
import * as v from "valibot";
import { regionNames } from "../../durable-objects/names.ts";
import { accountsSchema } from "./accounts-schema.ts";
import { addressesSchema, tokensSchema } from "./identity-schema.ts";
import {
  choice,
  either,
  fieldName,
  fields,
  list,
  matching,
  name,
  plainObject,
  truth,
  unavailable,
  wholeNumber,
} from "./shapes.ts";

const shortestLeaseMs = 100;
const longestLeaseMs = 300_000;

const proofSchema = either(
  choice(["none", "assertion"], ["mtls"], "{ header, secret }"),
  fields({
    header: fieldName,
    secret: matching(
      /^(?!MESH_)[A-Z][A-Z0-9_]{0,63}$/,
      "the name of a secret's binding, in capitals, not one of the mesh's own (MESH_…)",
    ),
    assertion: unavailable(),
    mtls: unavailable(),
  }),
);

export const serviceSchema = fields({
  origins: list(v.string("an origin"), "a list of at least one origin", 1),
  allowInsecureOrigins: v.optional(list(v.string("an origin"), "a list of origins"), []),
  timeoutMs: v.optional(wholeNumber(100, 600_000), 10_000),
  proof: v.optional(proofSchema),
  nodes: unavailable(),
  minimumNodes: unavailable(0),
  via: unavailable(),
});

export type ServiceSettings = v.InferOutput<typeof serviceSchema>;

const servicesExpected = "an object with at least one service by its name";

/** Services, routes, limits and issuers are only told apart here; their items are read one by one. */
export const partSchemas = {
  environment: v.optional(name, "production"),
  regions: v.optional(list(choice(regionNames), "a list of at least one region", 1), [...regionNames]),
  viewLeaseMs: v.optional(wholeNumber(shortestLeaseMs, longestLeaseMs), 1_000),
  regionLeaseMs: v.optional(wholeNumber(shortestLeaseMs, longestLeaseMs), 10_000),
  mount: v.optional(
    fields({
      auth: v.optional(
        matching(/^\/(?:[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+){0,7})?$/, 'a path such as "/" or "/auth"'),
      ),
      health: v.optional(truth, false),
      kuzzleStatus: unavailable(false),
    }),
    {},
  ),
  services: v.pipe(
    plainObject(servicesExpected),
    v.check((services) => Object.keys(services).length > 0, servicesExpected),
  ),
  routes: v.pipe(v.array(v.unknown(), "a list of at least one route"), v.minLength(1, "a list of at least one route")),
  limits: v.optional(plainObject("an object of limits by their names"), {}),
  addresses: v.optional(addressesSchema, {}),
  tokens: v.optional(tokensSchema, {}),
  issuers: v.optional(v.array(v.unknown(), "a list of issuers"), []),
  accounts: v.optional(accountsSchema, {}),
  loginGuard: v.optional(
    fields({
      failures: v.optional(wholeNumber(1, 1_000), 5),
      windowMs: v.optional(wholeNumber(1_000, 86_400_000), 10_000),
    }),
    {},
  ),
  costCap: v.optional(fields({ callsPerDay: wholeNumber(1, 1_000_000_000_000) })),
} as const;

export type PartName = keyof typeof partSchemas;
export type Parts = { readonly [Name in PartName]: v.InferOutput<(typeof partSchemas)[Name]> };
