/** Accounts of the mesh, cheap to hash, in front of an origin that tells what it was sent. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  viewLeaseMs: 200, // an `ack=everywhere` waits for one
  services: { origin: { origins: ["http://origin.invalid"] } },
  routes: [
    { match: "/open/*", service: "origin", identity: "none", rewrite: { strip: "/open" } },
    {
      match: "/write/*",
      service: "origin",
      allow: { scopes: ["write"], roles: ["editor"] },
      rewrite: { strip: "/write" },
    },
    { match: "/*", service: "origin" },
  ],
  accounts: { source: "mesh", rounds: 1 },
});
