/** A mesh that lets few requests run at once. Each test has a budget of its own: it is named by a field. */
import { defineMesh } from "selvedge";

const at = (path: string, ...limits: readonly string[]) =>
  ({ match: `/${path}/*`, service: "origin", identity: "none", limits }) as const;

export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"], timeoutMs: 60_000 } },
  routes: [
    at("slots", "slots"),
    { ...at("kept", "slots"), cache: { partition: [] } },
    at("open", "lenient"),
    at("shadow", "tried"),
    at("both", "few", "slots"),
  ],
  limits: {
    slots: { by: "header:X-Pool", algorithm: "concurrency", quota: 10, windowMs: 5_000 },
    lenient: { by: "header:X-Pool", algorithm: "concurrency", quota: 2, windowMs: 5_000, onError: "open" },
    tried: { by: "header:X-Pool", algorithm: "concurrency", quota: 2, windowMs: 5_000, mode: "shadow" },
    few: { by: "header:X-Pool", quota: 3, windowMs: 2_678_400_000 },
  },
});
