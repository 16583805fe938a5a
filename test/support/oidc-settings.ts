/** What the OpenID provider of the tests is told: its clients, its features, and who may log in (anybody). */
import type { JWK } from "jose";
import type { Configuration } from "oidc-provider";
import type { OidcStore } from "./oidc-store.ts";

/** A program: client credentials. */
export const service = { id: "service", secret: "the secret of a client of the test" };

/** An application for people: authorization code with PKCE, and no secret. */
export const app = { id: "app", redirectUri: "http://127.0.0.1/callback" };

export interface ProviderSettings {
  /** The first of a kind signs. */
  readonly keys: readonly JWK[];
  readonly lifetimeSeconds: number;
  readonly store: OidcStore;
  /** Takes what it would send to the application when somebody logs out: it sends nothing to this machine itself. */
  readonly takeLogoutToken: (token: string) => void;
}

export function configurationOf(settings: ProviderSettings): Configuration {
  const { keys, lifetimeSeconds, store } = settings;
  return {
    fetch: async (_url, init) => {
      settings.takeLogoutToken(
        new URLSearchParams(await new Response(init?.body ?? null).text()).get("logout_token") ?? "",
      );
      return new Response(null);
    },
    adapter: store.adapter,
    jwks: { keys: [...keys] },
    clients: [
      {
        client_id: service.id,
        client_secret: service.secret,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: "ES256",
        authorization_signed_response_alg: "ES256",
      },
      {
        client_id: app.id,
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        redirect_uris: [app.redirectUri],
        id_token_signed_response_alg: "ES256",
        userinfo_signed_response_alg: "ES256",
        authorization_signed_response_alg: "ES256",
        backchannel_logout_uri: "https://app.example.com/logged-out",
      },
    ],
    enabledJWA: {
      idTokenSigningAlgValues: ["ES256"],
      userinfoSigningAlgValues: ["ES256"],
      authorizationSigningAlgValues: ["ES256"],
    },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    issueRefreshToken: () => true,
    cookies: { keys: ["of the test"] },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: lifetimeSeconds,
      ClientCredentials: lifetimeSeconds,
      Grant: 3_600,
      IdToken: lifetimeSeconds,
      Interaction: 3_600,
      RefreshToken: 3_600,
      Session: 3_600,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      dPoP: { enabled: true },
      jwtUserinfo: { enabled: true },
      jwtResponseModes: { enabled: true },
      backchannelLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => ({
          scope: "read write",
          audience: resource,
          accessTokenTTL: lifetimeSeconds,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  };
}
