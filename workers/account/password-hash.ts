/**
 * How a password becomes its proof: PBKDF2-HMAC-SHA-256 at the edge, where time belongs to one request alone.
 *
 * The platform takes at most 100 000 iterations in one call, so calls are chained: what one derives is the next one's
 * secret. The proof is a digest of the last: what the objects keep logs nobody in, even where it is stolen.
 */
import type { PasswordParameters, PasswordProof, Proof } from "../../durable-objects/accounts/contract.ts";
import { base64url } from "../auth/mesh-key.ts";
import { proofOf } from "./proof.ts";

/** Of one call: the platform refuses more. */
export const iterationsPerCall = 100_000;
const saltBytes = 16;
const keyBits = 256;

export type Derive = (
  secret: Uint8Array<ArrayBuffer>,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
) => Promise<Uint8Array<ArrayBuffer>>;

/** Each of `rounds` is one proof. All of `allRounds` are done, whatever is asked for: the time tells nothing. */
export async function passwordProofs<Round extends number>(
  password: Uint8Array<ArrayBuffer>,
  { salt, iterations }: Pick<PasswordParameters, "salt" | "iterations">,
  { rounds, allRounds }: { readonly rounds: readonly Round[]; readonly allRounds: number },
  derive: Derive = pbkdf2,
): Promise<ReadonlyMap<number, Proof>> {
  const saltOf = bytesOf(salt);
  const proofs = new Map<number, Proof>();
  let secret = password;
  for (let round = 1; round <= Math.max(allRounds, ...rounds); round += 1) {
    secret = await derive(secret, saltOf, iterations);
    if ((rounds as readonly number[]).includes(round)) proofs.set(round, await proofOf(secret));
  }
  return proofs;
}

/** For a new password: a salt of its own. */
export async function hashPassword(
  password: Uint8Array<ArrayBuffer>,
  rounds: number,
  derive: Derive = pbkdf2,
): Promise<PasswordProof> {
  const salt = base64url(crypto.getRandomValues(new Uint8Array(saltBytes)));
  const parameters = { salt, iterations: iterationsPerCall, rounds };
  return { proof: await onlyProof(password, parameters, derive), parameters };
}

/** By parameters that are kept. */
export async function onlyProof(
  password: Uint8Array<ArrayBuffer>,
  parameters: PasswordParameters,
  derive: Derive = pbkdf2,
): Promise<Proof> {
  const { rounds } = parameters;
  const proof = (await passwordProofs(password, parameters, { rounds: [rounds], allRounds: rounds }, derive)).get(
    rounds,
  );
  if (proof === undefined) throw new Error(`cannot hash a password: expected at least one round: received ${rounds}`);
  return proof;
}

async function pbkdf2(
  secret: Uint8Array<ArrayBuffer>,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, keyBits));
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}
