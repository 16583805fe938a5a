/** What an `Authorization` field says (RFC 9110 section 11.6.2, RFC 6750 section 2.1). */
export type Credential =
  | { readonly kind: "none" }
  /** `token` is what follows the scheme, whatever it is: the verifier refuses what is no token. */
  | { readonly kind: "bearer"; readonly token: string }
  /** Of a scheme that is not ours. */
  | { readonly kind: "other" }
  /** Two credentials in one request: the field may be sent once, and nobody can say which one counts. */
  | { readonly kind: "doubled" };

const none: Credential = { kind: "none" };
const other: Credential = { kind: "other" };
const doubled: Credential = { kind: "doubled" };

/** Fields sent twice arrive joined by a comma, which no token has in it. */
const bearerAfterComma = /,[ \t]*bearer(?:[ \t]|$)/i;

export function readCredential(field: string | null): Credential {
  if (field === null) return none;
  if (!isBearer(field)) {
    if (field === "") return none;
    return bearerAfterComma.test(field) ? doubled : other;
  }
  if (field.includes(",")) return doubled;
  let begin = "bearer".length;
  while (field[begin] === " ") begin += 1;
  return { kind: "bearer", token: field.slice(begin) };
}

/** Scheme names know no case (RFC 9110 section 11.1). */
function isBearer(field: string): boolean {
  if (!field.startsWith("Bearer") && field.slice(0, "bearer".length).toLowerCase() !== "bearer") return false;
  const next = field[6];
  return next === undefined || next === " " || next === "\t";
}
