/** The bounds of what an Accounts object takes. Its callers are edges of this mesh: whatever breaks a bound is a bug there, and thrown. */
import { mostListed, type AccountsContract, type ApiKeysContract, type Proof, type PutAccount } from "./contract.ts";

const longestName = 128;
const longestRecord = 131_072;
const mostProofs = 4;
/** base64url of a SHA-256 digest. */
const proofForm = /^[A-Za-z0-9_-]{43}$/;

export function checkNamed(verb: string, { v, name }: { readonly v: number; readonly name: string }): void {
  checkVersion(verb, v);
  if (name.length >= 1 && name.length <= longestName) return;
  throw new Error(`cannot ${verb}: expected a name of 1 to ${longestName} characters: received ${name.length}`);
}

export function checkCheck(request: Parameters<AccountsContract["check"]>[0]): void {
  checkNamed("check", request);
  const { proofs, renewed } = request;
  if (proofs.length < 1 || proofs.length > mostProofs) {
    throw new Error(`cannot check: expected 1 to ${mostProofs} proofs: received ${proofs.length}`);
  }
  for (const proof of proofs) checkProof("check", proof);
  if (renewed !== undefined) checkProof("check", renewed.proof);
}

export function checkPut(request: PutAccount): void {
  checkFacts("put", request);
  const { proof } = request;
  if (proof === undefined) return;
  checkProof("put", proof.proof);
  if (proof.unchangedIf !== undefined) checkProof("put", proof.unchangedIf);
}

export function checkFacts(verb: string, { v, facts }: Pick<PutAccount, "v" | "facts">): void {
  checkNamed(verb, { v, name: facts.name });
  checkLength(verb, facts);
}

export function checkCreateKey({ v, facts, proof }: Parameters<ApiKeysContract["createKey"]>[0]): void {
  checkNamed("createKey", { v, name: facts.id });
  checkProof("createKey", proof);
  checkLength("createKey", facts);
}

export function checkList(
  verb: string,
  { v, after, limit }: { readonly v: number; readonly after: string | null; readonly limit: number },
): void {
  checkVersion(verb, v);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > mostListed) {
    throw new Error(`cannot ${verb}: expected a limit from 1 to ${mostListed}: received ${limit}`);
  }
  if (after !== null && after.length > longestName) {
    throw new Error(`cannot ${verb}: expected to begin after a name: received ${after.length} characters`);
  }
}

function checkVersion(verb: string, v: number): void {
  if (v !== 1) throw new Error(`cannot ${verb}: expected a message of version 1: received ${v}`);
}

/** The text is not told: it may be a secret that was passed by mistake. */
function checkProof(verb: string, proof: Proof): void {
  if (!proofForm.test(proof)) throw new Error(`cannot ${verb}: expected the digest of a secret as its proof`);
}

function checkLength(verb: string, facts: object): void {
  const { length } = JSON.stringify(facts);
  if (length > longestRecord)
    throw new Error(`cannot ${verb}: expected at most ${longestRecord} characters of facts: received ${length}`);
}
