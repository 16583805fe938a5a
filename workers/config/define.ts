/**
 * What one writes in `mesh.config.ts`. The module `selvedge`.
 *
 * Durations end in `Ms` or `Seconds` and are whole numbers; names are `[a-z0-9][a-z0-9._-]{0,63}`. Every mistake stops
 * the build and `npm start` with its path, what was expected and what was received. docs/configuration.md explains each
 * setting and its default.
 */
import type { LimitConfig, RouteLimitConfig } from "./define-limit.ts";

export type * from "./define-limit.ts";
export { readsAndWrites, type ReadsAndWrites, type ReadsAndWritesOptions } from "./reads-and-writes.ts";

/** Gives an editor the types; the checks are made when it is built. */
export function defineMesh(config: MeshConfig): MeshConfig {
  return config;
}

export interface MeshConfig {
  /** Part of every object's name: two environments share nothing. Default "production"; "local" also allows insecure origins. */
  readonly environment?: string;
  /** Where the mesh keeps copies of its events. Default: all. */
  readonly regions?: readonly RegionHint[];
  /** How long an isolate may act on what it believes without asking its region, 100 to 300 000. Default 1000. */
  readonly viewLeaseMs?: number;
  /** How long a region may answer without hearing from the Log, 100 to 300 000, at least `viewLeaseMs`. Default 10 000. */
  readonly regionLeaseMs?: number;
  /** Paths at the root beside the reserved `/_mesh/`. */
  readonly mount?: {
    /** Below which path `/token`, `/logout` and the other auth paths are, too: "/" for RESTHeart's clients. Default: nowhere. */
    readonly auth?: string;
    /** `/healthz` and `/readyz` also at the root. Default false. */
    readonly health?: boolean;
    readonly kuzzleStatus?: false;
  };
  /** The APIs behind the gate, by name. At least one. */
  readonly services: Readonly<Record<string, ServiceConfig>>;
  /** Which request goes where. First match wins, on the canonical path; an unmatched one is 404. */
  readonly routes: readonly RouteConfig[];
  /** How often what may be done, by name. */
  readonly limits?: Readonly<Record<string, LimitConfig>>;
  readonly addresses?: AddressConfig;
  /** The mesh's own tokens. */
  readonly tokens?: TokenConfig;
  /** Others whose tokens are accepted. */
  readonly issuers?: readonly IssuerConfig[];
  /** Where people's accounts are: in the mesh, or with a service whose login is asked. Default: in the mesh. */
  readonly accounts?: AccountsConfig | ServiceAccountsConfig;
  /** Wrong passwords: so many in every interval of `windowMs`, by account and address, then no more are tried. */
  readonly loginGuard?: {
    /** 1 to 1000. Default 5. */
    readonly failures?: number;
    /** 1000 to 86 400 000. Default 10 000. */
    readonly windowMs?: number;
  };
  /** Bounds what limits may cost on the platform. Default: no bound. */
  readonly costCap?: {
    /** Object calls a day for the whole mesh, 1 to 10^12; past them each limit's `onError` holds. */
    readonly callsPerDay: number;
  };
}

/** The platform's location hints. */
export type RegionHint = "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";

export interface ServiceConfig {
  /** Scheme, host and port each, without a path: https and a public host name, unless listed below. */
  readonly origins: readonly string[];
  /** Those of `origins` that may be plain http, an address or a private name outside of environment "local". Default none. */
  readonly allowInsecureOrigins?: readonly string[];
  /** Until the first byte of the answer's head, 100 to 600 000. Default 10 000. */
  readonly timeoutMs?: number;
  /** 0 only: nodes do not join in this version. */
  readonly minimumNodes?: 0;
  /**
   * How an origin knows that it was the mesh: a header with a secret, whose binding is named, or "none", said aloud.
   * To be chosen outside of environment "local", where the default is "none".
   */
  readonly proof?: "none" | "assertion" | { readonly header: string; readonly secret: string };
}

export interface RouteConfig {
  /** `/a/b` is that path, `:name` one segment, a last `*` everything below; with a host, only there. */
  readonly match: string | { readonly host?: string; readonly path: string };
  /** In capitals. Default: all. */
  readonly methods?: readonly string[];
  /** The name of a service. */
  readonly service: string;
  /**
   * "none" does not read the credential, "optional" takes its absence for anonymous, "required" refuses without one.
   * `forward` says whether the credential goes on to the service. Default: required, and "token".
   */
  readonly identity?: IdentityNeed | { readonly need: IdentityNeed; readonly forward?: "token" | "assertion" | "none" };
  /** Who may use it. Needs identity "required". Default: everyone who is known. */
  readonly allow?: AllowConfig;
  /** Limits by their names, or with what a request costs; all must admit. Default none. */
  readonly limits?: readonly (string | RouteLimitConfig)[];
  /** "origin" leaves CORS to the service, which is the default. */
  readonly cors?: "origin" | CorsConfig;
  /** Takes leading segments away, then puts a path in front. */
  readonly rewrite?: { readonly strip?: string; readonly prefix?: string };
  /** Longer request bodies are 413. Default: what the platform takes. */
  readonly maxBodyBytes?: number;
  /** What of the answers may be kept. Default: nothing. */
  readonly cache?: CacheConfig;
}

export interface AllowConfig {
  /** All of these. */
  readonly scopes?: readonly string[];
  /** Any one of these. */
  readonly roles?: readonly string[];
  /** Every one of these claims, with any one of its values; a dot-separated path for nested ones. */
  readonly claims?: Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>;
  /** The parameter of the path that must be the own tenant: `":tenant"`. */
  readonly tenant?: string;
  /** Whose tokens. Default: anybody's; with `tenant` the mesh's own alone. Those named here share their tenants. */
  readonly issuers?: readonly string[];
}

export type ClaimValue = string | number | boolean;

export type IdentityNeed = "none" | "optional" | "required";

export interface CorsConfig {
  /** As browsers write them, or "*" (not with credentials). */
  readonly origins: "*" | readonly string[];
  /** Default false. */
  readonly credentials?: boolean;
  /** Default: the route's. */
  readonly methods?: readonly string[];
  /** What a request may carry. Default: whatever it asks for. */
  readonly headers?: readonly string[];
  /** What scripts may read of an answer beyond the usual. Default none. */
  readonly exposed?: readonly string[];
  /** How long a browser keeps a preflight's answer, 0 to 86 400. Default 600. */
  readonly maxAgeSeconds?: number;
}

export interface CacheConfig {
  /** "leased": a hit needs a live view lease. The only one so far. */
  readonly freshness?: "leased";
  /** For answers that say nothing of their own, at most a year. Default 0: none of them is kept. */
  readonly defaultTtlMs?: number;
  /** What `POST /_mesh/v1/invalidations` can name, 1 to 64 characters each. Default none. */
  readonly tags?: readonly string[];
  /** What of the identity tells answers apart: with these, answers to authorized requests may be kept. Default none. */
  readonly partition?: readonly ("tenant" | "subject" | "client" | "roles")[];
  /** Longer answers pass and are not kept, 1 to 67 108 864. Default 1 048 576. */
  readonly maxObjectBytes?: number;
}

export interface AddressConfig {
  /** Where a client's address is read. Default "platform"; a header counts only as far as your own proxies wrote it. */
  readonly from?: "platform" | { readonly header: string; readonly trustedProxies: readonly string[] };
  /** Nobody else may pass. Default: everyone may. */
  readonly only?: readonly string[];
  /** Limits do not count these. Default none. */
  readonly exempt?: readonly string[];
  /** These may not pass, whatever else is said. Default none. */
  readonly block?: readonly string[];
}

export interface TokenConfig {
  /** Default `urn:selvedge:ENVIRONMENT`. An https URL where clients use discovery; with "HS256" any name. */
  readonly issuer?: string;
  /** Default: the issuer. */
  readonly audience?: string;
  /** "HS256" signs with a secret that is shared with those who verify. Default "ES256". */
  readonly algorithm?: "ES256" | "EdDSA" | "Ed25519" | "RS256" | "HS256";
  /** With "HS256": the name of the binding that holds the secret. */
  readonly secret?: string;
  /** 60 to 86 400. Default 900. */
  readonly ttlSeconds?: number;
  /** A signing key is replaced by itself after so long, 86 400 to 315 360 000; null for never. Default 90 days. */
  readonly rotateAfterSeconds?: number | null;
  /** Refresh tokens after logins and codes. Default: none. */
  readonly refresh?: {
    /** 60 to 31 536 000, from the login. Default 86 400. */
    readonly ttlSeconds?: number;
    /** A used one gives the same successor for so long, 0 to 60 000: for clients whose answer was lost. Default 0. */
    readonly graceMs?: number;
  };
  /** The cookie's name. Default "__Host-mesh"; "rh_auth" is RESTHeart's. */
  readonly cookie?: "__Host-mesh" | "rh_auth";
  /** Where a browser logs in for the authorization code. Default: a page of the mesh's own. */
  readonly loginUrl?: string;
  /** Where `GET …/token/redirect` delivers a token to. Default: nowhere. */
  readonly redirectUrl?: string;
}

export interface AccountsConfig {
  readonly source?: "mesh";
  /** How often 100 000 iterations of PBKDF2-HMAC-SHA-256 are done for a password, 1 to 100. Default 6. */
  readonly rounds?: number;
}

/** A login call of a service: 2xx is right, 401 and 403 are wrong. What is read of its JSON is named by RFC 6901 pointers. */
export interface ServiceAccountsConfig {
  /** The name of a service. */
  readonly service: string;
  /** Of the call. */
  readonly path: string;
  /** Default: POST; with "basic" GET. */
  readonly method?: "GET" | "POST";
  /** How name and password are sent. Default "basic". */
  readonly send?: "basic" | "form" | "json";
  /** What the fields of a form or of JSON are called. Default `username` and `password`. */
  readonly fields?: { readonly name?: string; readonly password?: string };
  /** 100 to 30 000. Default: the service's own, at most 10 000. */
  readonly timeoutMs?: number;
  /** The account's one name, where people may type others for it: `/username`. Default: the name as typed. */
  readonly name?: string;
  /** A list of texts, or one text with spaces between: `/roles`. Default: none. */
  readonly roles?: string;
  readonly tenant?: string;
  /** What its tokens may be asked for. Scopes of the mesh (`mesh:…`) are left out. */
  readonly scopes?: string;
  /** Further claims of its tokens, by their names. */
  readonly claims?: Readonly<Record<string, string>>;
}

export interface IssuerConfig {
  /** Exactly as in the tokens' `iss`. */
  readonly issuer: string;
  /** Where its keys are. Default: by discovery from the issuer. */
  readonly jwksUri?: string;
  /** Keys over plain http, from an address or a private name, outside of environment "local". Default false. */
  readonly allowInsecureKeys?: boolean;
  /** Whom a token must be meant for: any one of these. */
  readonly audience: string | readonly string[];
  /** Asymmetric ones only. */
  readonly algorithms: readonly TokenAlgorithm[];
  /** Accepted `typ` values, lower case, without "application/"; an absent one counts as "jwt". Default ["at+jwt"]. */
  readonly types?: readonly string[];
  /** Beside `iss`, `sub`, `aud` and `exp`. Default ["iat"]. */
  readonly requiredClaims?: readonly string[];
  /** From `iat` to `exp`, 1 to 2 678 400. Default 3600. */
  readonly maxLifetimeSeconds?: number;
  /** Between its clock and ours, 0 to 300. Default 5. */
  readonly toleranceSeconds?: number;
  /** How long its keys are used without asking again, 60 000 to 43 200 000. Default 600 000. */
  readonly keysTtlMs?: number;
  /** The least time between two questions for an unknown key, 1000 to 3 600 000. Default 30 000. */
  readonly keysCooldownMs?: number;
  /** How long after its fetch a key set may be used while the issuer is down, 60 000 to 2 678 400 000. Default 24 hours. */
  readonly maxStaleMs?: number;
  /** Which claims say what; a dot-separated path for nested ones. Default tenant, roles, client_id. */
  readonly claims?: { readonly tenant?: string; readonly roles?: string; readonly client?: string };
}

export type TokenAlgorithm =
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA"
  | "Ed25519"
  | "PS256"
  | "PS384"
  | "PS512"
  | "RS256"
  | "RS384"
  | "RS512";
