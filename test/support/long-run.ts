/** `LONG=1` (npm run test:long): properties run many times as often. */
// The runtime's types and Node's do not agree on what `process` is.
export const isLongRun = "LONG" in (process as { readonly env: object }).env;
