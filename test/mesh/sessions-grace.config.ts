/** As `sessions.config.ts`: a refresh token that comes again within ten seconds is a retry. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  regions: ["weur", "enam"],
  viewLeaseMs: 200,
  mount: { auth: "/" },
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin" }],
  accounts: { source: "mesh", rounds: 1 },
  tokens: { refresh: { ttlSeconds: 3_600, graceMs: 10_000 } },
});
