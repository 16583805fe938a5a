/** From what a user wrote to what the Worker uses: checked as a whole, compiled once, frozen. The build does it, not the Worker. */
import * as v from "valibot";
import { compileAccounts } from "./compile-accounts.ts";
import { compileAddresses } from "./compile-addresses.ts";
import { compileIssuer, compileTokens } from "./compile-issuer.ts";
import { compileLimit } from "./compile-limit.ts";
import { compileRoute } from "./compile-route.ts";
import { compileService } from "./compile-service.ts";
import { digestOf } from "./digest.ts";
import { freezeDeeply } from "./freeze.ts";
import type { Issuer, Mesh, Route } from "./mesh.ts";
import { Mistakes } from "./mistakes.ts";
import { suggestion } from "./refusal.ts";
import { coversRoute } from "./route-cover.ts";
import { partSchemas, type PartName, type Parts } from "./schema.ts";
import { isName, isPlainObject, nameExpected } from "./shapes.ts";

/** Throws a `ConfigurationError` that lists every mistake. */
export function compile(config: unknown): Mesh {
  const mistakes = new Mistakes();
  const parts = readParts(config, mistakes);
  const { environment, regions, viewLeaseMs, regionLeaseMs } = parts;
  if (viewLeaseMs > regionLeaseMs) {
    mistakes.add(["viewLeaseMs"], `at most regionLeaseMs (${regionLeaseMs})`, viewLeaseMs);
  }
  const isLocal = environment === "local";
  const tokens = compileTokens(parts.tokens, environment, mistakes);
  const services = compileEach("services", parts.services, mistakes, (name, value) =>
    compileService(name, value, isLocal, mistakes),
  );
  const mesh = {
    environment,
    regions,
    viewLeaseMs,
    regionLeaseMs,
    mount: { auth: parts.mount.auth ?? null, health: parts.mount.health },
    services,
    limits: compileEach("limits", parts.limits, mistakes, (name, value) => compileLimit(name, value, mistakes)),
    addresses: compileAddresses(parts.addresses, mistakes),
    tokens,
    issuers: compileIssuers(parts.issuers, tokens.issuer, isLocal, mistakes),
    accounts: compileAccounts(parts.accounts, { services, known: Object.keys(parts.services) }, mistakes),
    loginGuard: parts.loginGuard,
    costCap: parts.costCap ?? null,
  };
  const routes = compileRoutes(parts, mesh, mistakes);
  mistakes.throwIfAny();
  return freezeDeeply({ ...mesh, routes, version: digestOf(config) });
}

/** A part that is wrong is put on the list, and stands in for by its default, so that the rest can be read. */
function readParts(config: unknown, mistakes: Mistakes): Parts {
  const written = isPlainObject(config) ? config : {};
  if (written !== config) mistakes.add([], "what defineMesh returns, as the default export", config);
  const names = Object.keys(partSchemas) as PartName[];
  for (const key of Object.keys(written)) {
    if (!Object.hasOwn(partSchemas, key)) mistakes.add([key], `a known field${suggestion(key, names)}`, key);
  }
  const defaults: Record<PartName, unknown> = { ...defaultsOfParts() };
  for (const name of names) {
    // What is not even an object lacks everything: one mistake says so.
    const read = written === config ? mistakes.read(partSchemas[name], written[name], [name]) : null;
    if (read !== null) defaults[name] = read;
  }
  return defaults as Parts;
}

function defaultsOfParts(): Record<PartName, unknown> {
  const entries = Object.entries(partSchemas).map(([name, schema]) => [name, v.safeParse(schema, undefined).output]);
  return { ...Object.fromEntries(entries), services: {}, routes: [] } as Record<PartName, unknown>;
}

function compileEach<Item>(
  part: "services" | "limits",
  items: Readonly<Record<string, unknown>>,
  mistakes: Mistakes,
  compileOne: (name: string, value: unknown) => Item | null,
): ReadonlyMap<string, Item> {
  const compiled = new Map<string, Item>();
  for (const [name, value] of Object.entries(items)) {
    if (!isName(name)) mistakes.add([part, name], nameExpected, name);
    const item = compileOne(name, value);
    if (item !== null) compiled.set(name, item);
  }
  return compiled;
}

function compileIssuers(
  items: readonly unknown[],
  own: string,
  isLocal: boolean,
  mistakes: Mistakes,
): ReadonlyMap<string, Issuer> {
  const issuers = new Map<string, Issuer>();
  for (const [index, value] of items.entries()) {
    const issuer = compileIssuer(value, ["issuers", index], isLocal, mistakes);
    if (issuer === null) continue;
    const at = ["issuers", index, "issuer"];
    if (issuer.issuer === own) mistakes.add(at, "an issuer other than the mesh itself (tokens.issuer)", own);
    if (issuers.has(issuer.issuer)) mistakes.add(at, "each issuer once", issuer.issuer);
    issuers.set(issuer.issuer, issuer);
  }
  return issuers;
}

function compileRoutes(
  parts: Parts,
  mesh: Pick<Mesh, "services" | "limits" | "tokens">,
  mistakes: Mistakes,
): readonly Route[] {
  const outside = parts.issuers.map((value) => String(isPlainObject(value) ? value["issuer"] : ""));
  const issuers = [mesh.tokens.issuer, ...outside];
  const known = { services: Object.keys(parts.services), limits: Object.keys(parts.limits), issuers };
  const earlier: { readonly route: Route; readonly index: number }[] = [];
  for (const [index, value] of parts.routes.entries()) {
    const route = compileRoute(value, ["routes", index], { ...mesh, known }, mistakes);
    if (route === null) continue;
    const cover = earlier.find((before) => coversRoute(before.route, route));
    if (cover !== undefined) {
      mistakes.add(
        ["routes", index, "match"],
        `a request that routes[${cover.index}] leaves: it takes all of these`,
        route.name,
      );
    }
    earlier.push({ route, index });
  }
  return earlier.map(({ route }) => route);
}
