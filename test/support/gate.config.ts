/** A mesh whose every route is there to be tested: what the gate does is told by the path. */
import { defineMesh } from "selvedge";

/** Where a service really is, is told by the test that starts the mesh. */
const elsewhere = ["http://origin.invalid"];

export default defineMesh({
  environment: "local",
  services: {
    origin: { origins: elsewhere },
    impatient: { origins: elsewhere, timeoutMs: 300 },
    gone: { origins: elsewhere },
    proving: { origins: elsewhere, proof: { header: "x-from-mesh", secret: "ORIGIN_SECRET" } },
  },
  routes: [
    { match: "/public/*", service: "origin", identity: "none" },
    { match: "/open/*", service: "origin", identity: "none" },
    { match: "/impatient/*", service: "impatient", identity: "none" },
    { match: "/gone/*", service: "gone", identity: "none" },
    { match: "/proving/*", service: "proving", identity: "none" },
    { match: "/read/*", methods: ["GET", "HEAD"], service: "origin", identity: "none" },
    { match: "/small/*", service: "origin", identity: "none", maxBodyBytes: 10 },
    { match: "/t/:tenant/*", service: "origin", identity: "none", rewrite: { strip: "/t/:tenant", prefix: "/v2" } },
    {
      match: "/cors/*",
      methods: ["GET", "PUT"],
      service: "origin",
      identity: "required",
      cors: { origins: ["https://app.example.com"], credentials: true },
    },
    { match: "/upstream-cors/*", service: "origin", identity: "required" },
    { match: "/few/*", service: "origin", identity: "required", cors: "origin", limits: ["few", "own"] },
    {
      match: "/few-answered/*",
      service: "origin",
      identity: "required",
      cors: { origins: ["https://app.example.com"] },
      limits: ["few", "own"],
    },
    {
      match: "/known/*",
      service: "origin",
      identity: { need: "required", forward: "none" },
      cors: { origins: ["https://app.example.com"] },
    },
    { match: { host: "api.example.com", path: "/*" }, service: "origin", identity: "none" },
  ],
  limits: {
    few: { by: "address", algorithm: "sliding-window", quota: 2, windowMs: 3_600_000 },
    own: { by: "subject", algorithm: "sliding-window", quota: 1, windowMs: 3_600_000 },
  },
  addresses: { block: ["198.51.100.0/24"] },
});
