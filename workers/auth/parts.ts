/** What the auth paths need of the rest of the mesh; made of an isolate in `parts-of-isolate.ts`. */
import type { GrantsContract } from "../../durable-objects/grants/contract.ts";
import type { SignAnswer, SignRequest } from "../../durable-objects/keyring/contract.ts";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import type { Mesh } from "../config/mesh.ts";
import type { ClientCredential } from "../token/client-credential.ts";
import type { MeshKey } from "./mesh-key.ts";

/** An account, as far as its tokens say. */
export interface Person {
  readonly name: string;
  readonly roles: readonly string[];
  readonly tenant: string | null;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly scopes: readonly string[];
  /** ms since 1970: what came of a login from before counts no longer. */
  readonly proofChangedAt: number;
}

/** A program. */
export interface Client {
  readonly id: string;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  readonly redirectUris: readonly string[];
  readonly isPublic: boolean;
  /** The built-in one, which may have every scope of the mesh. */
  readonly isAdmin: boolean;
  /** ms since 1970: another secret, and not one more beside it. */
  readonly proofChangedAt: number;
}

/** What came of a login: of somebody, or of nobody. */
export type Login<Who> =
  | { readonly kind: "right"; readonly who: Who }
  | { readonly kind: "wrong" }
  /** Too many failed, or are under way. */
  | { readonly kind: "refused"; readonly retryAfterMs: number }
  /** Nobody could be asked: nothing was looked at. `service`: whose answer it would have been. */
  | { readonly kind: "unreachable"; readonly service?: string };

export type Found<Who> =
  | { readonly kind: "found"; readonly who: Who }
  /** Gone, disabled, or past its end. */
  | { readonly kind: "missing" }
  | { readonly kind: "unreachable" };

/** From where a login comes: what is counted. */
export interface Origin {
  readonly address: string | null;
  readonly zone: string | undefined;
}

export interface People {
  login(name: string, password: string, from: Origin): Promise<Login<Person>>;
  /** Again, without a password. */
  read(name: string): Promise<Found<Person>>;
  clientLogin(credential: ClientCredential, from: Origin): Promise<Login<Client>>;
  client(id: string): Promise<Found<Client>>;
}

/** What a token would be named by, were it revoked. */
export interface Named {
  readonly subject: string;
  readonly client: string | null;
  readonly tenant: string | null;
  readonly family: string | null;
}

export interface AuthParts {
  readonly settings: Mesh["tokens"];
  /** By their names: what a token may be for. */
  readonly services: Pick<Mesh["services"], "has">;
  readonly people: People;
  /** A stub belongs to one call. */
  readonly grants: (family: string) => GrantsContract;
  /** False once the Keyring has said that it cannot. */
  readonly canSign: () => Promise<boolean>;
  readonly sign: (request: SignRequest) => Promise<SignAnswer>;
  /** Signs what clients keep for later. */
  readonly key: MeshKey;
  /**
   * Until when a token of this mesh that is issued now would be refused, ms since 1970; null when it would not. For
   * families `issuedAt` is when they began.
   */
  readonly revokedUntil: (named: Named, issuedAt: number) => Promise<number | "ever" | "unknown" | null>;
  /** Whether one that was dated after `at` has come, ms since 1970. */
  readonly revokedSince: (named: Named, at: number) => Promise<boolean | "unknown">;
  /** Tells the mesh what an object has ended, and waits a little until every region knows. Never rejects. */
  readonly tell: (events: readonly NewEvent[]) => Promise<unknown>;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<unknown>;
}

/** Why no token is given. `error` as RFC 6749 section 5.2 and 4.1.2.1 name it. */
export interface NotGiven {
  readonly kind: "not_given";
  readonly code:
    | "malformed_request"
    | "grant_invalid"
    | "token_invalid"
    | "token_missing"
    | "too_many_logins"
    | "overloaded"
    | "outcome_unknown"
    | "forbidden"
    | "not_current"
    | "internal_error";
  readonly error:
    | "invalid_request"
    | "invalid_token"
    | "invalid_client"
    | "invalid_grant"
    | "unauthorized_client"
    | "unsupported_grant_type"
    | "invalid_scope"
    | "invalid_target"
    | "temporarily_unavailable"
    | "server_error"
    | "access_denied";
  readonly detail?: string;
  readonly retryAfterMs?: number;
}

export function notGiven(code: NotGiven["code"], error: NotGiven["error"], detail?: string): NotGiven {
  return detail === undefined ? { kind: "not_given", code, error } : { kind: "not_given", code, error, detail };
}

/** Nobody could say what is revoked. */
export const notCurrent: NotGiven = {
  kind: "not_given",
  code: "not_current",
  error: "temporarily_unavailable",
  retryAfterMs: 1_000,
};

/** Why is in the Keyring's log: it is the operator's to mend, and nothing of it was used up. */
export const cannotSign: NotGiven = {
  kind: "not_given",
  code: "overloaded",
  error: "temporarily_unavailable",
  detail: "the mesh cannot sign tokens until its operator has mended it",
  retryAfterMs: 10_000,
};

export const unreachable: NotGiven = {
  kind: "not_given",
  code: "overloaded",
  error: "temporarily_unavailable",
  detail: "who decides about logins could not be asked",
  retryAfterMs: 1_000,
};
