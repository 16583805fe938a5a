/** Limits that are changed while the mesh runs. The long windows, of 31 days, end in no test. */
import { defineMesh } from "selvedge";

const windowMs = 2_678_400_000;

export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"] } },
  routes: [
    { match: "/long/*", service: "origin", identity: "none", limits: ["long"] },
    { match: "/short/*", service: "origin", identity: "none", limits: ["short"] },
    { match: "/ending/*", service: "origin", identity: "none", limits: ["ending"] },
    { match: "/named/*", service: "origin", identity: "none", limits: ["named"] },
  ],
  limits: {
    long: { by: "header:x-client", quota: 100_000, windowMs },
    short: { by: "header:x-client", quota: 200, windowMs: 1_000 },
    ending: { by: "header:x-client", quota: 100_000, windowMs },
    named: { by: "header:x-client", quota: 3, windowMs },
    taken: { by: "key", quota: 3, windowMs },
  },
});
