/** Configurations to break: each is good until `more` says otherwise. */
import { compile } from "../../workers/config/compile.ts";
import { ConfigurationError, lineOf } from "../../workers/config/refusal.ts";

export type Settings = Record<string, unknown>;

/** What a test says: which rule, which configuration breaks it, and the line that its writer reads. */
export type MistakeRow = readonly [rule: string, config: unknown, line: string];

export const service = { origins: ["https://inventory.example.com"], proof: "none" };
export const route = { match: "/a/:id", service: "inventory" };
export const limit = { by: "address", quota: 10, windowMs: 1_000 };
export const issuer = { issuer: "https://id.example.com", audience: "inventory", algorithms: ["ES256"] };

export const withTop = (more: Settings): Settings => ({ services: { inventory: service }, routes: [route], ...more });
export const withService = (more: Settings): Settings => withTop({ services: { inventory: { ...service, ...more } } });
export const withRoute = (more: Settings, top: Settings = {}): Settings =>
  withTop({ routes: [{ ...route, ...more }], ...top });
export const withLimit = (more: Settings): Settings => withTop({ limits: { reads: { ...limit, ...more } } });
export const withIssuer = (more: Settings): Settings => withTop({ issuers: [{ ...issuer, ...more }] });

/** The lines that `npm run check` prints for it. */
export function mistakesOf(config: unknown): readonly string[] {
  try {
    compile(config);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.mistakes.map(lineOf);
    throw error;
  }
  return [];
}
