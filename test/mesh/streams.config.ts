/** A mesh whose upstream has one second to begin its answer, or, on `/patient/*`, longer than any test waits. */
import { defineMesh } from "selvedge";

const origins = ["http://origin.invalid"];
const cache = { defaultTtlMs: 60_000 };

export default defineMesh({
  environment: "local",
  services: {
    hasty: { origins, timeoutMs: 1_000 },
    patient: { origins, timeoutMs: 600_000 },
  },
  routes: [
    { match: "/patient/kept/*", service: "patient", identity: "none", cache },
    { match: "/patient/*", service: "patient", identity: "none" },
    { match: "/kept/*", service: "hasty", identity: "none", cache },
    { match: "/*", service: "hasty", identity: "none" },
  ],
});
