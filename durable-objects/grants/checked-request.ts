/** What callers may ask: they are this project's own, so what does not fit is a defect and throws. */
import type { CodeGrant, Grant } from "./contract.ts";

const familyPattern = /^[A-Za-z0-9_-]{16,64}$/;
const challengePattern = /^[A-Za-z0-9_-]{43}$/;
const longestText = 2_048;

export function checkGrant({ family, subject, client, scopes, resources, startedAt, endsAt }: Grant): void {
  checkFamily("grant", family);
  checkText("grant", { subject });
  if (client !== null) checkText("grant", { client });
  if (!Array.isArray(scopes) || scopes.length > 256) throw unfit("grant", "scopes", "a list of at most 256");
  for (const scope of scopes) checkText("grant", { scope });
  for (const resource of resources ?? []) checkText("grant", { resource });
  checkInstant("grant", { startedAt, endsAt });
}

export function checkCode(code: CodeGrant): void {
  checkGrant(code);
  checkText("code", { redirectUri: code.redirectUri });
  if (!challengePattern.test(code.codeChallenge)) throw unfit("code", "codeChallenge", "a SHA-256 in base64url");
  checkInstant("code", { codeEndsAt: code.codeEndsAt });
}

export function checkUse(
  what: string,
  use: { readonly family: string; readonly generation?: number; readonly graceMs?: number },
): void {
  checkFamily(what, use.family);
  if (use.generation !== undefined && !Number.isSafeInteger(use.generation))
    throw unfit(what, "generation", "a whole number");
  if (use.graceMs !== undefined) checkInstant(what, { graceMs: use.graceMs });
}

function checkFamily(what: string, family: unknown): void {
  if (typeof family !== "string" || !familyPattern.test(family)) throw unfit(what, "family", "16 to 64 of base64url");
}

function checkText(what: string, field: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(field)) {
    if (typeof value !== "string" || value === "" || value.length > longestText) {
      throw unfit(what, name, `a text of 1 to ${longestText} characters`);
    }
  }
}

function checkInstant(what: string, field: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(field)) {
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw unfit(what, name, "a whole number of ms");
  }
}

function unfit(what: string, field: string, expected: string): Error {
  return new Error(`cannot take a ${what}: expected ${field} to be ${expected}`);
}
