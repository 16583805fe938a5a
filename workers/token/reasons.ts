/** Why a token is not accepted: told to logs and tests in full, and to the client not at all. */
export type RefusalReason =
  // the form (RFC 7515 section 2, RFC 8725 section 3.14)
  | "too_long"
  | "parts_wrong"
  | "character_forbidden"
  | "encoding_not_canonical"
  | "not_utf8"
  | "not_json_object"
  | "member_repeated"
  | "nested_too_deep"
  // the header
  | "header_forbidden"
  | "type_not_accepted"
  | "algorithm_not_accepted"
  | "key_id_malformed"
  // the key and the signature
  | "issuer_unknown"
  | "key_unknown"
  | "key_ambiguous"
  | "signature_wrong"
  // the claims
  | "claim_missing"
  | "claim_malformed"
  | "audience_wrong"
  | "expired"
  | "not_yet_valid"
  | "issued_in_future"
  | "lifetime_too_long"
  | "bound_to_key"
  // all of it right, and named by a revocation
  | "revoked"
  // not the token's fault
  | "view_not_current"
  | "keys_unavailable"
  | "revocations_unknown";

export type RefusedCode = "malformed_token" | "token_invalid" | "token_expired" | "token_revoked" | "not_current";

/**
 * The one mapping to the wire. Whatever is wrong with a token, the answer is the same, an expired one included: an
 * answer of its own for expiry would tell a stranger that everything else about the token was right. Only a revoked one
 * has its own: it was good until somebody ended it, and its holder is to log in again.
 */
export function codeOf(reason: RefusalReason): RefusedCode {
  switch (reason) {
    case "view_not_current":
    case "keys_unavailable":
    case "revocations_unknown":
      return "not_current";
    case "revoked":
      return "token_revoked";
    case "too_long":
    case "parts_wrong":
    case "character_forbidden":
    case "encoding_not_canonical":
    case "not_utf8":
    case "not_json_object":
    case "member_repeated":
    case "nested_too_deep":
    case "header_forbidden":
    case "type_not_accepted":
    case "algorithm_not_accepted":
    case "key_id_malformed":
    case "issuer_unknown":
    case "key_unknown":
    case "key_ambiguous":
    case "signature_wrong":
    case "claim_missing":
    case "claim_malformed":
    case "audience_wrong":
    case "expired":
    case "not_yet_valid":
    case "issued_in_future":
    case "lifetime_too_long":
    case "bound_to_key":
      return "token_invalid";
  }
}
