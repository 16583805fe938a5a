/**
 * What `npm start -- --origin URL` runs: an API as it is, with a mesh in front of it. Its identity is its own business,
 * its answers are cached only where they say so themselves, and the limits are what a careful operator would begin with.
 */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "front",
  services: {
    // The address comes from the command line.
    api: { origins: ["https://origin.invalid"], proof: "none" },
  },
  routes: [
    {
      match: "/*",
      methods: ["GET", "HEAD"],
      service: "api",
      identity: "none",
      limits: ["reads"],
      cache: { freshness: "leased", defaultTtlMs: 0 },
    },
    { match: "/*", service: "api", identity: "none", limits: ["writes"] },
  ],
  limits: {
    reads: { by: "address", algorithm: "fixed-window", quota: 200, windowMs: 1_000 },
    writes: { by: "address", algorithm: "fixed-window", quota: 50, windowMs: 1_000 },
  },
});
