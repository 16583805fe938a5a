/** Where accounts are: what a service's login is asked, and where its answer says what. */
import { parsePointer, type JsonPointer } from "../account/json-pointer.ts";
import type { MeshAccountsSettings, ServiceAccountsSettings } from "./accounts-schema.ts";
import type { AccountPolicy, Service, ServiceLogin } from "./mesh.ts";
import type { Mistakes } from "./mistakes.ts";
import { suggestion } from "./refusal.ts";

/** Of accounts of the mesh that there may be beside a service's, and what unknown names look like. */
const usualRounds = 6;
/** Whoever logs in waits for the service and for the mesh. */
const longestDefaultMs = 10_000;

export function compileAccounts(
  settings: MeshAccountsSettings | ServiceAccountsSettings,
  { services, known }: { readonly services: ReadonlyMap<string, Service>; readonly known: readonly string[] },
  mistakes: Mistakes,
): AccountPolicy {
  if (!("service" in settings)) return { rounds: settings.rounds, service: null };
  const service = services.get(settings.service);
  if (!known.includes(settings.service)) {
    mistakes.add(
      ["accounts", "service"],
      `the name of a service${suggestion(settings.service, known)}`,
      settings.service,
    );
  }
  const send = compileSend(settings, mistakes);
  if (settings.method === "GET" && send.kind !== "basic") {
    mistakes.add(["accounts", "method"], '"POST": a GET has no body', settings.method);
  }
  if (service === undefined) return { rounds: usualRounds, service: null };
  const { name, roles, tenant, scopes } = settings;
  const claims = Object.entries(settings.claims).map(([claim, text]) => [claim, parsePointer(text) ?? []] as const);
  const login: ServiceLogin = {
    service,
    path: settings.path,
    method: settings.method ?? (send.kind === "basic" ? "GET" : "POST"),
    send,
    timeoutMs: settings.timeoutMs ?? Math.min(service.timeoutMs, longestDefaultMs),
    isRead: [name, roles, tenant, scopes].some((text) => text !== undefined) || claims.length > 0,
    name: pointerOf(name),
    roles: pointerOf(roles),
    tenant: pointerOf(tenant),
    scopes: pointerOf(scopes),
    claims,
  };
  return { rounds: usualRounds, service: login };
}

function compileSend({ send, fields }: ServiceAccountsSettings, mistakes: Mistakes): ServiceLogin["send"] {
  if (send === "basic") {
    if (fields !== undefined) mistakes.add(["accounts", "fields"], 'only with send "form" or "json"', fields);
    return { kind: "basic" };
  }
  const { name: nameField = "username", password: passwordField = "password" } = fields ?? {};
  if (nameField === passwordField)
    mistakes.add(["accounts", "fields", "password"], "a field of its own", passwordField);
  return { kind: send, nameField, passwordField };
}

/** The schema has seen that it is one. */
function pointerOf(text: string | undefined): JsonPointer | null {
  return text === undefined ? null : parsePointer(text);
}
