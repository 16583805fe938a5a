// What this mesh does; docs/configuration.md explains every setting. `npm start` uses it as it is, with a small demo
// service in place of the origin below.
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "production", // part of every object's name: a staging mesh on the same account shares nothing

  services: {
    inventory: {
      origins: ["https://inventory.example.com"],
      // Said aloud: this origin cannot tell the mesh from a stranger who finds its address.
      // Tighten to { header: "X-Origin-Proof", secret: "ORIGIN_PROOF" } and let the origin refuse requests without it.
      proof: "none",
    },
  },

  routes: [
    {
      match: "/parts/*",
      methods: ["GET", "HEAD"],
      service: "inventory",
      identity: "none", // the demo needs no login; "required" is the default
      limits: ["reads"],
      // What the answers themselves allow is kept, until POST /_mesh/v1/invalidations names the tag.
      cache: { tags: ["inventory"], defaultTtlMs: 60_000 },
    },
    {
      match: "/*",
      service: "inventory",
      identity: "optional", // tighten to "required", with allow: { roles: ["editor"] }
      limits: ["writes"],
    },
  ],

  limits: {
    reads: { by: "address", quota: 200, windowMs: 1_000 },
    writes: { by: "address", quota: 50, windowMs: 1_000 },
    demo: { by: "key", quota: 50, windowMs: 60_000 }, // for POST /_mesh/v1/limits/demo/take
  },
});
