/**
 * Tokens of an issuer, verified in the isolate and revocable everywhere, for a Worker of one's own. The module
 * `selvedge/tokens`.
 *
 * It is the verifier of the mesh, with the mesh's own way for revocations: a Log, and a Region near each isolate. Beside
 * these two classes of `selvedge/objects` it needs nothing: docs/guides/in-your-own-worker.md.
 */
import { waitUntil as afterAnswer } from "cloudflare:workers";
import type { IssuerConfig } from "../workers/config/define.ts";
import type { Verdict } from "../workers/token/identity.ts";
import { Tokens } from "../workers/token/tokens.ts";
import { IsolateKeys } from "./isolate-keys.ts";
import { checks, learnPlace, publisher, view, type Placed } from "./isolate-view.ts";
import { knownIssuer, noKeyring } from "./known-issuer.ts";
import { checkClasses, keySetsObject } from "./mesh-objects.ts";
import type { RevokeTarget } from "./revoke-target.ts";
import { Revoker, type Revoked, type RevokeOptions } from "./revoker.ts";

export type { Receipt } from "../durable-objects/log/contract.ts";
export type { TokenAlgorithm } from "../workers/config/define.ts";
export type { Identity, Verdict } from "../workers/token/identity.ts";
export type { RefusalReason, RefusedCode } from "../workers/token/reasons.ts";
export type { RevokeTarget, TokensNamed } from "./revoke-target.ts";
export type { Revoked, RevokeOptions } from "./revoker.ts";

/** What an issuer's tokens must be, as in `issuers` of a mesh's configuration. */
export type TokensOptions = IssuerConfig;

export interface CallOptions {
  /** What the call is made for: its data centre says which Region is near. Default: as far as requests told before. */
  readonly request?: Placed;
  /** Work that goes on after the answer. Default: the platform's own. */
  readonly waitUntil?: (work: Promise<unknown>) => void;
}

export interface TokenVerifier {
  readonly issuer: string;
  /**
   * Accepted tokens have an identity; a refusal has a code that may be told, and a reason for logs. `not_current` is the
   * code when nobody could say it: no Region, or no keys of the issuer. Rejects when a class is missing.
   */
  verify(token: string, options?: CallOptions): Promise<Verdict>;
  /** Ends tokens of this issuer. Rejects with a TypeError for what only the program can have got wrong. */
  revoke(target: RevokeTarget, options?: RevokeOptions & CallOptions): Promise<Revoked>;
}

/** Made at module start, or anywhere. Throws for rules that cannot be, with every mistake. */
export function tokens(options: TokensOptions): TokenVerifier {
  const issuers = knownIssuer(options);
  const ownKeys = new IsolateKeys();
  const verifier = new Tokens({
    mesh: issuers,
    view,
    revocations: checks,
    keyring: () => noKeyring,
    keySets: (issuer) => keySetsObject(issuer) ?? ownKeys,
  });
  const revoker = new Revoker(issuers, options.issuer, verifier, publisher);
  return {
    issuer: options.issuer,
    async verify(token, { request, waitUntil = afterAnswer } = {}) {
      enter(request);
      return verifier.verify(token, { waitUntil }, Date.now());
    },
    async revoke(target, { request, waitUntil = afterAnswer, ...terms } = {}) {
      enter(request);
      return revoker.revoke(target, terms, { waitUntil });
    },
  };
}

/** A missing class is a mistake of the program, not an object that is away. */
function enter(request: Placed | undefined): void {
  checkClasses();
  learnPlace(request);
}
