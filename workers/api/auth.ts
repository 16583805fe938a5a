/** /_mesh/v1/auth: how a token is got, delivered, described, renewed and ended. No Bearer token of an operator is needed here. */
import { Hono } from "hono/tiny";
import { authorizePaths } from "./auth-authorize.ts";
import { cookiePaths } from "./auth-cookie.ts";
import { introspectPaths } from "./auth-introspect.ts";
import { publishedPaths } from "./auth-published.ts";
import { answerOAuth } from "./auth-refused.ts";
import { tokenPaths } from "./auth-token.ts";
import { userTokenPaths } from "./auth-user-tokens.ts";
import type { ApiEnv } from "./call.ts";

export function authPaths(): Hono<ApiEnv> {
  const auth = new Hono<ApiEnv>();
  const all = [cookiePaths(), tokenPaths(), userTokenPaths(), authorizePaths(), introspectPaths(), publishedPaths()];
  for (const paths of all) {
    auth.route("/", paths);
  }
  auth.onError(answerOAuth);
  return auth;
}
