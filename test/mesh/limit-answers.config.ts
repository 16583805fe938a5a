/** A mesh whose limits tell addresses apart in several ways, and a route with more of them than a field has room for. */
import { defineMesh } from "selvedge";

const windowMs = 2_678_400_000;
const name = (index: number) => `${"n".repeat(60)}-${String(index).padStart(2, "0")}`;
const names = Array.from({ length: 40 }, (_, index) => name(index));
const at = (path: string, ...limits: string[]) => ({
  match: `/${path}/*`,
  service: "origin",
  identity: "none" as const,
  limits,
});

export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"] } },
  routes: [
    at("subscribers", "subscribers", "routes"),
    at("sites", "sites"),
    at("each", "each"),
    at("many", ...names, "subscribers"),
  ],
  limits: {
    subscribers: { by: "address", quota: 3, windowMs },
    sites: { by: "address", quota: 3, windowMs, prefix: { ipv6: 48, ipv4: 24 } },
    each: { by: "address", quota: 3, windowMs, prefix: { ipv6: 128 } },
    routes: { by: "route", quota: 1_000_000, windowMs },
    ...Object.fromEntries(names.map((one) => [one, { by: "address" as const, quota: 1_000_000_000, windowMs }])),
  },
});
