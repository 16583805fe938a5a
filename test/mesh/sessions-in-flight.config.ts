/** As `sessions.config.ts`, under a view lease that leaves time for what an edge has not heard of. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  regions: ["weur", "enam"],
  viewLeaseMs: 2_000,
  mount: { auth: "/" },
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin" }],
  accounts: { source: "mesh", rounds: 1 },
  tokens: { refresh: { ttlSeconds: 3_600 } },
});
