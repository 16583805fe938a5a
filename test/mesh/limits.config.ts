/** A mesh whose limits are there to be used up. Windows of 31 days: no test meets the end of one. */
import { defineMesh } from "selvedge";

const windowMs = 2_678_400_000;

export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"] } },
  routes: [
    {
      match: "/limited/*",
      service: "origin",
      identity: "none",
      limits: ["gated"],
      cors: { origins: ["https://app.example.com"] },
    },
    { match: "/open/*", service: "origin", identity: "none", limits: ["lenient"] },
    { match: "/twice/*", service: "origin", identity: "none", limits: ["plenty", "scarce"] },
  ],
  limits: {
    gated: { by: "address", quota: 50, windowMs },
    lenient: { by: "address", quota: 50, windowMs, onError: "open" },
    plenty: { by: "address", quota: 100, windowMs },
    scarce: { by: "address", quota: 5, windowMs },
    taken: { by: "key", quota: 50, windowMs },
  },
});
