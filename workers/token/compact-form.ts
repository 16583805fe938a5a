/**
 * The form of a token, before anything else is believed of it (RFC 7515 section 7.1, RFC 8725 section 3.14).
 *
 * Exactly one spelling of a token passes. Libraries that decode leniently take padding, spaces, line feeds and another
 * last character; whoever keeps anything by the token's text could then be passed by with another text.
 */
import { decodeBase64url, isBase64url, isCanonical } from "./base64url.ts";
import { parseStrictObject, type JsonObject } from "./strict-json.ts";
import type { RefusalReason } from "./reasons.ts";

/** The longest token, in characters. */
const maxTokenLength = 8_192;

export type CompactForm =
  | { readonly kind: "formed"; readonly header: JsonObject; readonly claims: JsonObject }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

/** A byte order mark is kept, so that JSON refuses it. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function readCompactForm(token: string): CompactForm {
  if (token.length > maxTokenLength) return refused("too_long");
  const [header, claims, signature, ...more] = token.split(".");
  if (header === undefined || claims === undefined || signature === undefined || more.length > 0)
    return refused("parts_wrong");
  for (const part of [header, claims, signature]) {
    if (part === "") return refused("parts_wrong");
    if (!isBase64url(part)) return refused("character_forbidden");
    if (!isCanonical(part)) return refused("encoding_not_canonical");
  }
  const first = readObject(header);
  if (first.kind === "refused") return first;
  const second = readObject(claims);
  if (second.kind === "refused") return second;
  return { kind: "formed", header: first.value, claims: second.value };
}

function readObject(
  part: string,
):
  | { readonly kind: "object"; readonly value: JsonObject }
  | { readonly kind: "refused"; readonly reason: RefusalReason } {
  let text: string;
  try {
    text = utf8.decode(decodeBase64url(part));
  } catch {
    // The alphabet was checked: what fails here is the UTF-8 (RFC 8725 section 3.7).
    return refused("not_utf8");
  }
  return parseStrictObject(text);
}

function refused(reason: RefusalReason): { readonly kind: "refused"; readonly reason: RefusalReason } {
  return { kind: "refused", reason };
}
