/** One key for all regions together, a thousand times in a second; and in four, where a machine cannot ask that fast. */
import { defineMesh } from "selvedge";

const quick = { by: "header:x-client", quota: 1_000, windowMs: 1_000 } as const;
const slow = { ...quick, windowMs: 4_000 } as const;
export default defineMesh({
  environment: "local",
  services: { origin: { origins: ["http://origin.invalid"] } },
  routes: [
    { match: "/flooded/1000", service: "origin", identity: "none", limits: ["flooded"] },
    { match: "/flooded/4000", service: "origin", identity: "none", limits: ["flooded-slowly"] },
    { match: "/even/1000", service: "origin", identity: "none", limits: ["even"] },
    { match: "/even/4000", service: "origin", identity: "none", limits: ["even-slowly"] },
    { match: "/uneven/1000", service: "origin", identity: "none", limits: ["uneven"] },
    { match: "/uneven/4000", service: "origin", identity: "none", limits: ["uneven-slowly"] },
  ],
  limits: {
    flooded: quick,
    "flooded-slowly": slow,
    even: quick,
    "even-slowly": slow,
    uneven: quick,
    "uneven-slowly": slow,
  },
});
