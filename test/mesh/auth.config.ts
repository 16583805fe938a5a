/** Tokens in depth: auth paths at the root, refresh tokens, RESTHeart's cookie, a route that needs an identity. */
import { defineMesh } from "selvedge";

export default defineMesh({
  environment: "local",
  regions: ["weur", "enam", "apac"],
  mount: { auth: "/" },
  services: { echo: { origins: ["http://127.0.0.1:1"] } },
  routes: [
    { match: "/open/*", service: "echo", identity: "optional" },
    { match: "/none/*", service: "echo", identity: "none" },
    { match: "/asserted/*", service: "echo", identity: { need: "required", forward: "assertion" } },
    { match: "/t/:tenant/*", service: "echo", allow: { tenant: ":tenant" } },
    { match: "/pro/*", service: "echo", allow: { claims: { plan: ["pro", "team"] } } },
    { match: "/*", service: "echo" },
  ],
  tokens: { refresh: { ttlSeconds: 3_600 }, redirectUrl: "http://127.0.0.1:1/app" },
});
