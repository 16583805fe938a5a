/** Middleware for Hono. The module `selvedge/hono`. */
export { rateLimit } from "./rate-limit.ts";
export type { RateLimitOptions, RateLimitVariables } from "./rate-limit.ts";
export { requireToken } from "./require-token.ts";
export type { RequireTokenOptions, TokenRefusal, TokenVariables } from "./require-token.ts";
