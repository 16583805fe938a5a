/** Logins, refresh tokens and signing keys under short leases: a rotation settles in a few seconds. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  regions: ["weur", "enam", "apac"],
  viewLeaseMs: 200,
  regionLeaseMs: 2_000,
  mount: { auth: "/" },
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin" }],
  accounts: { source: "mesh", rounds: 1 },
  tokens: { refresh: { ttlSeconds: 3_600 } },
});
