/** As `restheart.config.ts`, with RESTHeart's cookie, and with neither refresh tokens nor a page for redirects. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  regions: ["weur"],
  viewLeaseMs: 200, // so long an edge may go by what it knew before
  mount: { auth: "/" },
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin" }],
  accounts: { source: "mesh", rounds: 1 },
  tokens: { cookie: "rh_auth" },
});
