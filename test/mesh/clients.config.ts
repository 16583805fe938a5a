/** Two services behind one gate, for clients that are bound to one of them, and a page of another origin. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  viewLeaseMs: 200, // an `ack=everywhere` waits for one
  mount: { auth: "/" },
  services: { stock: { origins: ["http://stock.invalid"] }, billing: { origins: ["http://billing.invalid"] } },
  routes: [
    { match: "/billing/*", service: "billing" },
    {
      match: "/*",
      service: "stock",
      cors: { origins: ["https://app.example.com"], credentials: true, exposed: ["WWW-Authenticate"] },
    },
  ],
  accounts: { source: "mesh", rounds: 1 },
  tokens: { audience: "https://api.example.com", refresh: { ttlSeconds: 3_600 } },
});
