/** A mesh that keeps answers. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"] } },
  routes: [
    {
      match: "/kept/*",
      service: "origin",
      identity: "none",
      cache: { freshness: "leased", defaultTtlMs: 0, tags: ["of-route"], partition: [] },
    },
    { match: "/*", service: "origin", identity: "none" },
  ],
});
