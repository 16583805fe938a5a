/** A mesh with the usual guard, but for its window: one that no test meets the end of. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"] } },
  routes: [{ match: "/*", service: "origin", identity: "none" }],
  loginGuard: { failures: 5, windowMs: 86_400_000 },
});
