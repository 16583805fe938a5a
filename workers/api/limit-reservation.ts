/**
 * A reservation as its holder has it: which budget it is of, and its name there, in one opaque text. Nothing of it is
 * secret or trusted: who may settle may as well take, and a name that was never given is unknown to the limiter.
 */
import * as v from "valibot";
import { decodeBase64url, isBase64url, isCanonical } from "../token/base64url.ts";
import { key, plan } from "./limit-asking.ts";

export interface Reservation {
  readonly id: string;
  readonly key: string;
  readonly plan?: string | undefined;
}

/** The longest key and plan, with every character escaped in JSON, in base64url. */
const mostCharacters = 3_600;
const shape = v.tuple([v.pipe(v.string(), v.regex(/^[0-9a-f-]{36}$/)), key, v.nullable(plan)]);

export function reservationText({ id, key: budget, plan: planName }: Reservation): string {
  const bytes = new TextEncoder().encode(JSON.stringify([id, budget, planName ?? null]));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** null for what no reservation looks like. */
function readReservation(text: string): Reservation | null {
  if (text.length > mostCharacters || !isBase64url(text) || !isCanonical(text)) return null;
  try {
    const json: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(decodeBase64url(text)),
    );
    const [id, budget, planName] = v.parse(shape, json);
    return { id, key: budget, ...(planName === null ? {} : { plan: planName }) };
  } catch {
    // Not UTF-8, not JSON, or something else in it: to its sender these are one mistake.
    return null;
  }
}

const expected = "expected a reservation as it was given";

/** The field of a body. */
export const reservation = v.pipe(
  v.string(expected),
  v.transform(readReservation),
  v.custom<Reservation>((read) => read !== null, expected),
);
