/**
 * The configuration as the Worker uses it: checked, compiled, frozen. Made by `compile.ts` from what a user wrote, and by
 * `revived.ts` from what the build wrote of that: a new kind of value needs a form in `written.ts`.
 */
import type { Algorithm, Quota } from "../../durable-objects/limiter/contract.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { KeySetSource } from "../../durable-objects/key-sets/contract.ts";
import type { SigningAlgorithm } from "../../durable-objects/keyring/contract.ts";
import type { AddressSet } from "../gate/address-set.ts";
import type { JsonPointer } from "../account/json-pointer.ts";
import type { PathPattern } from "../gate/path-pattern.ts";

export interface Mesh {
  readonly environment: string;
  readonly regions: readonly RegionName[];
  readonly viewLeaseMs: number;
  readonly regionLeaseMs: number;
  readonly mount: { readonly auth: string | null; readonly health: boolean };
  readonly services: ReadonlyMap<string, Service>;
  /** First match wins, on the canonical path. */
  readonly routes: readonly Route[];
  readonly limits: ReadonlyMap<string, Limit>;
  readonly addresses: AddressPolicy;
  readonly tokens: TokenSettings;
  readonly issuers: ReadonlyMap<string, Issuer>;
  readonly accounts: AccountPolicy;
  /** Failed logins: so many in every interval of `windowMs` by account and address, then no more are tried. */
  readonly loginGuard: { readonly failures: number; readonly windowMs: number };
  /** The most object calls a day that limits may cost; then `onError` holds. null for no bound. */
  readonly costCap: { readonly callsPerDay: number } | null;
  /** A digest of the whole configuration: what was kept under another one is not reused. */
  readonly version: string;
}

export interface Service {
  readonly name: string;
  /** Scheme, host and port, without a path's trailing slash. */
  readonly origins: readonly string[];
  /** Until the first byte of the answer's head, in ms. */
  readonly timeoutMs: number;
  /** How the origin knows that it was the mesh: an assertion, a header with a secret (named binding), or nothing, said aloud. */
  readonly proof:
    | { readonly kind: "none" | "assertion" }
    | { readonly kind: "header"; readonly header: string; readonly secret: string };
}

export interface Route {
  /** `GET /t/:tenant/*` or so: for logs, and for limits by route. */
  readonly name: string;
  /** Lower case, without a port; null for any. */
  readonly host: string | null;
  readonly path: PathPattern;
  readonly methods: ReadonlySet<string> | null;
  readonly service: Service;
  readonly identity: {
    readonly need: "none" | "optional" | "required";
    readonly forward: "token" | "assertion" | "none";
  };
  readonly allow: Allow | null;
  readonly limits: readonly RouteLimit[];
  /** null and "origin" leave CORS to the upstream. */
  readonly cors: Cors | null;
  readonly rewrite: Rewrite | null;
  readonly maxBodyBytes: number | null;
  readonly cache: CacheRule | null;
}

/** Who may use a route, of those who are known. */
export interface Allow {
  /** All of them. */
  readonly scopes: readonly string[];
  /** Any one of them; empty for everyone. */
  readonly roles: readonly string[];
  /** Every one of these, each with any one of its values. */
  readonly claims: readonly { readonly path: string; readonly values: readonly (string | number | boolean)[] }[];
  /** The path parameter that must be the own tenant; null for any. */
  readonly tenant: string | null;
  /** Whose tokens; null for anybody's. Beside a tenant never null: these share their tenants. */
  readonly issuers: readonly string[] | null;
}

export interface Cors {
  /** Exact origins, or any. */
  readonly origins: ReadonlySet<string> | "*";
  readonly credentials: boolean;
  readonly methods: readonly string[] | null;
  readonly headers: readonly string[] | null;
  readonly exposed: readonly string[];
  readonly maxAgeSeconds: number;
}

export interface Rewrite {
  /** The leading part of the path that is taken away. */
  readonly strip: PathPattern | null;
  /** What is put in front of the rest; without a trailing slash. */
  readonly prefix: string;
}

export interface CacheRule {
  /** `leased`: a hit needs a live view lease. */
  readonly freshness: "leased";
  /** For answers that say nothing of their own; 0 stores none of them. */
  readonly defaultTtlMs: number;
  readonly tags: readonly string[];
  /** What of the identity is part of the key: answers with these partitions may be kept although they were authorized. */
  readonly partition: readonly ("tenant" | "subject" | "client" | "roles")[];
  readonly maxObjectBytes: number;
}

export type LimitPart =
  | { readonly kind: "address" | "subject" | "tenant" | "client" | "route" | "key" }
  | { readonly kind: "claim" | "header"; readonly name: string };

export interface Limit {
  readonly name: string;
  readonly by: readonly LimitPart[];
  readonly algorithm: Algorithm;
  readonly quota: Quota;
  /** Fixed and sliding windows' length; the time in which a bucket gains its quota; how long a permit lives unrenewed. */
  readonly windowMs: number;
  /** Token bucket: the most that it holds. */
  readonly burst: number;
  readonly mode: "enforce" | "shadow";
  /**
   * What holds when the limiter cannot be reached and what was leased is spent: refuse, or admit. `leased` refuses as
   * `closed` does, and renews its leases early, so that there is something to spend when the limiter goes.
   */
  readonly onError: "closed" | "open" | "leased";
  /** How long a request waits for the limiter before `onError` holds. */
  readonly timeoutMs: number;
  /** Only requests with these methods are counted; "write" is every one that is not safe, null all. */
  readonly methods: ReadonlySet<string> | "write" | null;
  /** Addresses that share these leading bits share a budget. */
  readonly prefix: { readonly ipv4: number; readonly ipv6: number };
}

/** A limit as a route uses it. */
export interface RouteLimit {
  readonly limit: Limit;
  /** Tokens for each request, before it goes on. */
  readonly cost: number;
  /** A field of the answer that says the true cost, lower case: the difference is settled. null for none. */
  readonly costHeader: string | null;
}

export interface AddressPolicy {
  readonly from:
    | { readonly kind: "platform" }
    | { readonly kind: "header"; readonly header: string; readonly trustedProxies: AddressSet };
  /** null: everyone. */
  readonly only: AddressSet | null;
  readonly exempt: AddressSet | null;
  readonly block: AddressSet | null;
}

/** The mesh's own tokens. */
export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithm: SigningAlgorithm;
  /** With HS256: the binding that holds the secret; null otherwise. */
  readonly sharedSecret: string | null;
  readonly ttlSeconds: number;
  /** null for never. */
  readonly rotateAfterMs: number | null;
  /** null: no refresh tokens. Within `graceMs` after its use a refresh token gives the same successor once more. */
  readonly refresh: { readonly ttlSeconds: number; readonly graceMs: number } | null;
  readonly cookie: "__Host-mesh" | "rh_auth";
  /** Where a browser that asks to authorize a client logs in; null: a page of the mesh's own. */
  readonly loginUrl: string | null;
  /** Where a token is delivered to in a fragment; null: nowhere. */
  readonly redirectUrl: string | null;
}

export interface AccountPolicy {
  /** Of 100 000 iterations each: how new passwords are hashed. */
  readonly rounds: number;
  /** The service whose login is asked; null: passwords are the mesh's own. */
  readonly service: ServiceLogin | null;
}

/** How a service is asked whether a password is right, and where its answer says what. */
export interface ServiceLogin {
  readonly service: Service;
  readonly path: string;
  readonly method: "GET" | "POST";
  readonly send:
    | { readonly kind: "basic" }
    | { readonly kind: "form" | "json"; readonly nameField: string; readonly passwordField: string };
  readonly timeoutMs: number;
  /** Something is read of the answer. */
  readonly isRead: boolean;
  /** null: the name that was typed. */
  readonly name: JsonPointer | null;
  readonly roles: JsonPointer | null;
  readonly tenant: JsonPointer | null;
  readonly scopes: JsonPointer | null;
  readonly claims: readonly (readonly [claim: string, pointer: JsonPointer])[];
}

export interface Issuer {
  readonly issuer: string;
  readonly source: KeySetSource;
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  /** Accepted `typ` values, lower case, without "application/"; an absent `typ` counts as "jwt". */
  readonly types: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly maxLifetimeSeconds: number;
  readonly toleranceSeconds: number;
  /** Which claims say what; a dot-separated path for nested ones. */
  readonly claims: { readonly tenant: string; readonly roles: string; readonly client: string };
}
