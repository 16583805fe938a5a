/** Who issues tokens: the mesh itself, and outside issuers under rules fixed for each. */
import { issuerSchema, type IssuerSettings, type TokensSettings } from "./identity-schema.ts";
import type { Issuer, TokenSettings } from "./mesh.ts";
import type { Mistakes } from "./mistakes.ts";
import type { PathKey } from "./refusal.ts";
import { isInsecure, readUrl } from "./web-address.ts";

const insecureExpected =
  'an https URL with a public host name (others only with environment "local" or allowInsecureKeys)';

/**
 * Without an address of its own the mesh names itself by a URN: an issuer that nobody else can be, and that needs no
 * discovery.
 */
export function compileTokens(settings: TokensSettings, environment: string, mistakes: Mistakes): TokenSettings {
  const issuer = settings.issuer ?? `urn:selvedge:${environment}`;
  const isShared = settings.algorithm === "HS256";
  const isFit = isShared ? isStringOrUri(issuer) : isIssuerUrl(issuer, environment === "local");
  if (!issuer.startsWith("urn:") && !isFit) {
    const expected = isShared
      ? "a name, or a URI where it has a colon (RFC 7519 section 2)"
      : "an https URL without query and fragment (RFC 8414 section 2), or a URN";
    mistakes.add(["tokens", "issuer"], expected, issuer);
  }
  checkSecret(settings, mistakes);
  const { audience = issuer, algorithm, ttlSeconds, rotateAfterSeconds, refresh = null, cookie } = settings;
  const isLocal = environment === "local";
  return {
    issuer,
    audience,
    algorithm,
    sharedSecret: settings.secret ?? null,
    ttlSeconds,
    rotateAfterMs: rotateAfterSeconds === null ? null : rotateAfterSeconds * 1_000,
    refresh,
    cookie,
    loginUrl: pageOf(settings.loginUrl, "loginUrl", isLocal, mistakes),
    redirectUrl: pageOf(settings.redirectUrl, "redirectUrl", isLocal, mistakes),
  };
}

/** A shared secret makes everyone who verifies an issuer: it is there by choice only, and for HS256 only. */
function checkSecret({ algorithm, secret }: TokensSettings, mistakes: Mistakes): void {
  const at = ["tokens", "secret"];
  const isShared = algorithm === "HS256";
  if (isShared && secret === undefined) mistakes.add(at, "the name of the binding with the shared secret", secret);
  if (!isShared && secret !== undefined)
    mistakes.add(at, 'no such setting beside an algorithm other than "HS256"', secret);
}

/** A page that tokens or logins are sent to. Whoever reads the way to it has them. */
function pageOf(url: string | undefined, name: string, isLocal: boolean, mistakes: Mistakes): string | null {
  if (url === undefined) return null;
  const parsed = readUrl(url);
  const isFit = parsed !== null && parsed.hash === "" && (isLocal || !isInsecure(parsed));
  if (!isFit)
    mistakes.add(["tokens", name], 'an https URL without a fragment (http with environment "local" only)', url);
  return url;
}

export function compileIssuer(
  value: unknown,
  path: readonly PathKey[],
  isLocal: boolean,
  mistakes: Mistakes,
): Issuer | null {
  const settings = mistakes.read(issuerSchema, value, path);
  if (settings === null) return null;
  checkKeysAddress(settings, path, isLocal, mistakes);
  const { keysTtlMs, maxStaleMs } = settings;
  if (maxStaleMs < keysTtlMs) mistakes.add([...path, "maxStaleMs"], `at least keysTtlMs (${keysTtlMs})`, maxStaleMs);
  const { issuer, audience, algorithms, types, requiredClaims, maxLifetimeSeconds, toleranceSeconds, claims } =
    settings;
  return {
    issuer,
    source: {
      issuer,
      jwksUri: settings.jwksUri ?? null,
      ttlMs: keysTtlMs,
      cooldownMs: settings.keysCooldownMs,
      maxStaleMs,
    },
    audience: typeof audience === "string" ? [audience] : audience,
    algorithms,
    types,
    requiredClaims,
    maxLifetimeSeconds,
    toleranceSeconds,
    claims,
  };
}

/** Whoever can change the keys on their way can issue tokens. Without a `jwksUri` the issuer's own URL is asked. */
function checkKeysAddress(
  settings: IssuerSettings,
  path: readonly PathKey[],
  isLocal: boolean,
  mistakes: Mistakes,
): void {
  const { issuer, jwksUri, allowInsecureKeys } = settings;
  const mayBeInsecure = isLocal || allowInsecureKeys;
  if (jwksUri === undefined) {
    if (!isIssuerUrl(issuer, true))
      mistakes.add([...path, "issuer"], "an https URL without query and fragment, or a jwksUri beside it", issuer);
    else if (!isIssuerUrl(issuer, mayBeInsecure)) mistakes.add([...path, "issuer"], insecureExpected, issuer);
    return;
  }
  const url = readUrl(jwksUri);
  if (url === null || (!mayBeInsecure && isInsecure(url)))
    mistakes.add([...path, "jwksUri"], insecureExpected, jwksUri);
}

/** Who verifies by a shared secret looks for no keys, so the issuer is a name like another. */
function isStringOrUri(text: string): boolean {
  return !text.includes(":") || (/^[a-z][a-z0-9+.-]*:[!-~]+$/i.test(text) && URL.canParse(text));
}

function isIssuerUrl(text: string, mayBeInsecure: boolean): boolean {
  const url = readUrl(text);
  return url !== null && url.search === "" && (mayBeInsecure || !isInsecure(url));
}
