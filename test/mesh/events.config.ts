/** A mesh with short leases, so that tests of their ends are short; every answer that may be kept is. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  regionLeaseMs: 2_000,
  viewLeaseMs: 300,
  services: { origin: { origins: ["http://origin.invalid"], timeoutMs: 10_000 } },
  routes: [{ match: "/*", service: "origin", identity: "none", cache: {} }],
});
