/** Every auth path, for calls that are wrong in one thing. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  regions: ["weur"],
  viewLeaseMs: 200,
  services: { origin: { origins: ["http://origin.invalid"], proof: "none" } },
  routes: [{ match: "/*", service: "origin" }],
  accounts: { source: "mesh", rounds: 1 },
  tokens: { refresh: {}, redirectUrl: "https://app.example.com/after-login" },
});
