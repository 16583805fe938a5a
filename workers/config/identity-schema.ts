/** What tokens, issuers and addresses may say, and their defaults: everything that tells who is asking. */
import * as v from "valibot";
import { maxStaleMs } from "../../durable-objects/key-sets/contract.ts";
import { choice, fieldName, fields, list, matching, plainText, wholeNumber } from "./shapes.ts";

const issuerText = plainText(256);
const audience = plainText(256);

/** The longest life of a token of the mesh's own, seconds. */
const longestTtlSeconds = 86_400;
const address = v.string("a URL");

export const tokensSchema = fields({
  issuer: v.optional(issuerText),
  audience: v.optional(audience),
  algorithm: v.optional(choice(["ES256", "EdDSA", "Ed25519", "RS256", "HS256"]), "ES256"),
  secret: v.optional(
    matching(
      /^(?!MESH_)[A-Z][A-Z0-9_]{0,63}$/,
      "the name of a secret's binding, in capitals, not one of the mesh's own (MESH_…)",
    ),
  ),
  ttlSeconds: v.optional(wholeNumber(60, longestTtlSeconds), 900),
  rotateAfterSeconds: v.optional(v.nullable(wholeNumber(86_400, 315_360_000)), 7_776_000),
  refresh: v.optional(
    fields({
      ttlSeconds: v.optional(wholeNumber(60, 31_536_000), 86_400),
      graceMs: v.optional(wholeNumber(0, 60_000), 0),
    }),
  ),
  cookie: v.optional(choice(["__Host-mesh", "rh_auth"]), "__Host-mesh"),
  loginUrl: v.optional(address),
  redirectUrl: v.optional(address),
});

/** RFC 7518 section 3.1, RFC 9864: the asymmetric ones. A symmetric key would let whoever verifies also issue. */
const algorithms = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
] as const;
const algorithmsExpected = `asymmetric algorithms: ${algorithms.map((name) => JSON.stringify(name)).join(", ")}`;

/** A claim, or one inside another: `realm_access.roles`. */
const claimPath = matching(/^[^.\s]{1,64}(?:\.[^.\s]{1,64}){0,7}$/, "a claim's name, or a dot-separated path of names");

export const issuerSchema = fields({
  issuer: issuerText,
  jwksUri: v.optional(v.string("a URL")),
  allowInsecureKeys: v.optional(v.boolean("true or false"), false),
  audience: v.lazy((input) =>
    Array.isArray(input) ? list(audience, "a list of at least one audience", 1) : plainText(256),
  ),
  algorithms: list(
    v.picklist(algorithms, algorithmsExpected),
    `a list of at least one of the ${algorithmsExpected}`,
    1,
  ),
  types: v.optional(
    list(
      matching(/^[a-z0-9!#$&^_.+-]{1,64}$/, 'a token type in lower case without "application/"'),
      "a list of at least one token type",
      1,
    ),
    ["at+jwt"],
  ),
  requiredClaims: v.optional(list(plainText(64), "a list of claims' names"), ["iat"]),
  maxLifetimeSeconds: v.optional(wholeNumber(1, 2_678_400), 3_600),
  toleranceSeconds: v.optional(wholeNumber(0, 300), 5),
  keysTtlMs: v.optional(wholeNumber(60_000, 43_200_000), 600_000),
  keysCooldownMs: v.optional(wholeNumber(1_000, 3_600_000), 30_000),
  maxStaleMs: v.optional(wholeNumber(60_000, 2_678_400_000), maxStaleMs),
  claims: v.optional(
    fields({
      tenant: v.optional(claimPath, "tenant"),
      roles: v.optional(claimPath, "roles"),
      client: v.optional(claimPath, "client_id"),
    }),
    {},
  ),
});

const network = v.string('an address or a network such as "192.0.2.0/24"');
const networks = list(network, "a list of addresses or networks");

export const addressesSchema = fields({
  from: v.optional(
    v.lazy((input) =>
      input === "platform"
        ? v.literal("platform")
        : fields(
            {
              header: fieldName,
              trustedProxies: list(network, "a list of at least one network of your own proxies", 1),
            },
            '"platform" or { header, trustedProxies }',
          ),
    ) as v.GenericSchema<"platform" | { header: string; trustedProxies: readonly string[] }>,
    "platform",
  ),
  only: v.optional(networks, []),
  exempt: v.optional(networks, []),
  block: v.optional(networks, []),
});

export type TokensSettings = v.InferOutput<typeof tokensSchema>;
export type IssuerSettings = v.InferOutput<typeof issuerSchema>;
export type AddressesSettings = v.InferOutput<typeof addressesSchema>;
