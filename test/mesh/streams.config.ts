/** A mesh whose upstream has one second to begin its answer. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"], timeoutMs: 1_000 } },
  routes: [
    { match: "/kept/*", service: "origin", identity: "none", cache: { defaultTtlMs: 60_000 } },
    { match: "/*", service: "origin", identity: "none" },
  ],
});
