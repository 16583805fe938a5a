/** Who may use a route, of those who are known. */
import type { Allow, Route } from "./mesh.ts";
import type { Mistakes } from "./mistakes.ts";
import { suggestion, type PathKey } from "./refusal.ts";
import type { RouteSettings } from "./route-schema.ts";

type Path = readonly PathKey[];
type Value = string | number | boolean;

/** As `claims.roles` of an issuer names one: a claim, or one inside another. */
const claimPath = /^[^.\s]{1,64}(?:\.[^.\s]{1,64}){0,7}$/;
const valuesExpected = "a text, a number, true or false, or a list of at least one of these";

export function compileAllow(
  allow: RouteSettings["allow"],
  route: { readonly need: Route["identity"]["need"]; readonly path: string; readonly issuers: readonly string[] },
  at: Path,
  mistakes: Mistakes,
): Allow | null {
  if (allow === undefined) return null;
  const { scopes, roles, tenant, issuers } = allow;
  if (route.need !== "required") mistakes.add(at, 'identity "required" beside it', route.need);
  const claims = Object.entries(allow.claims).map(([path, value]) => ({
    path,
    values: readValues(path, value, [...at, "claims", path], mistakes),
  }));
  if (scopes.length + roles.length + claims.length === 0 && tenant === undefined && issuers === undefined) {
    mistakes.add(at, "at least one scope, role or claim, or the tenant", undefined);
  }
  for (const issuer of issuers ?? []) {
    if (!route.issuers.includes(issuer))
      mistakes.add([...at, "issuers"], `issuers of this mesh${suggestion(issuer, route.issuers)}`, issuer);
  }
  if (tenant !== undefined && !route.path.split("/").includes(tenant)) {
    mistakes.add([...at, "tenant"], `a parameter of the route's path (${route.path})`, tenant);
  }
  // A tenant counts within its issuer, and a path names one of the mesh's own unless it is said whose.
  const whose = issuers ?? (tenant === undefined ? null : route.issuers.slice(0, 1));
  return { scopes, roles, claims, tenant: tenant?.slice(1) ?? null, issuers: whose };
}

function readValues(path: string, value: unknown, at: Path, mistakes: Mistakes): readonly Value[] {
  if (!claimPath.test(path)) mistakes.add(at, "a claim's name, or a dot-separated path of names", path);
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (values.length > 0 && values.every(isValue)) return values;
  mistakes.add(at, valuesExpected, value);
  return [];
}

function isValue(value: unknown): value is Value {
  return (
    typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))
  );
}
