/** What `accounts` may say: passwords of the mesh's own, or a service's login. */
import * as v from "valibot";
import { isReservedClaim } from "../account/reserved-claims.ts";
import { parsePointer } from "../account/json-pointer.ts";
import { choice, fields, isPlainObject, matching, plainObject, wholeNumber } from "./shapes.ts";

const meshAccounts = fields({
  source: v.optional(choice(["mesh"], [], "{ service, path, … }"), "mesh"),
  rounds: v.optional(wholeNumber(1, 100), 6),
});

const pointer = v.custom<string>(
  (value) => typeof value === "string" && parsePointer(value) !== null,
  'a JSON pointer (RFC 6901) such as "/roles"',
);
const fieldOfBody = matching(/^[!-~]{1,64}$/, "a field's name");
const claimExpected = "claims that are not the mesh's own, by their names, each with a JSON pointer";

const serviceAccounts = fields({
  service: v.string("the name of a service"),
  path: matching(
    /^\/(?!\/)(?:(?!\/\.{1,2}(?:\/|\?|$))[\w.~!$&'()*+,;=:@%/-])*(?:\?[\w.~!$&'()*+,;=:@%/?-]*)?$/,
    'a path such as "/login"',
  ),
  method: v.optional(choice(["GET", "POST"])),
  send: v.optional(choice(["basic", "form", "json"]), "basic"),
  fields: v.optional(fields({ name: v.optional(fieldOfBody), password: v.optional(fieldOfBody) })),
  timeoutMs: v.optional(wholeNumber(100, 30_000)),
  name: v.optional(pointer),
  roles: v.optional(pointer),
  tenant: v.optional(pointer),
  scopes: v.optional(pointer),
  claims: v.optional(
    v.pipe(
      plainObject(claimExpected),
      v.record(v.string(), pointer),
      v.check(
        (claims) => Object.keys(claims).every((name) => /^[!-~]{1,64}$/.test(name) && !isReservedClaim(name)),
        claimExpected,
      ),
    ),
    {},
  ),
});

export type MeshAccountsSettings = v.InferOutput<typeof meshAccounts>;
export type ServiceAccountsSettings = v.InferOutput<typeof serviceAccounts>;

export const accountsSchema = v.lazy((input) =>
  isPlainObject(input) && Object.hasOwn(input, "service") ? serviceAccounts : meshAccounts,
) as v.GenericSchema<unknown, MeshAccountsSettings | ServiceAccountsSettings>;
