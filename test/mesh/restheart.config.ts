/** The mesh in the place of a RESTHeart: its token paths at the root, its clients' headers and answers. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  regions: ["weur", "enam", "apac"],
  viewLeaseMs: 200, // so long an edge may go by what it knew before
  mount: { auth: "/" },
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin" }],
  accounts: { source: "mesh", rounds: 1 },
  tokens: { refresh: { ttlSeconds: 3_600 }, redirectUrl: "https://app.example.com/after-login" },
});
