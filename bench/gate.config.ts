/** What the benchmarks run: a token, two limits, and a route that keeps answers beside one that keeps none. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://127.0.0.1:1"] } },
  routes: [
    {
      match: "/hit/*",
      service: "origin",
      identity: "required",
      limits: ["first", "second"],
      cache: { partition: ["tenant"] },
    },
    { match: "/miss/*", service: "origin", identity: "required", limits: ["first", "second"] },
    { match: "/open-hit/*", service: "origin", identity: "none", cache: {} },
    { match: "/open/*", service: "origin", identity: "none" },
    { match: "/token-only/*", service: "origin", identity: "required", cache: { partition: ["tenant"] } },
  ],
  // Never used up: what is measured is the way through, not the refusals.
  limits: {
    first: { by: "address", quota: 1_000_000_000, windowMs: 60_000 },
    second: { by: "subject", quota: 1_000_000_000, windowMs: 60_000 },
  },
});
