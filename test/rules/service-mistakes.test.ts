import { describe, expect, it } from "vitest";
import { type MistakeRow, mistakesOf, service, withService, withTop } from "../support/configurations.ts";

const rows: readonly MistakeRow[] = [
  [
    "a service's name is a name",
    withTop({ services: { inventory: service, "A b": service } }),
    'services["A b"]: expected a name ([a-z0-9][a-z0-9._-]{0,63}): received "A b"',
  ],
  [
    "origins are needed",
    withService({ origins: [] }),
    "services.inventory.origins: expected a list of at least one origin: received []",
  ],
  [
    "an origin is a URL",
    withService({ origins: ["inventory"] }),
    'services.inventory.origins[0]: expected an origin such as "https://inventory.example.com", without a path or credentials: received "inventory"',
  ],
  [
    "an origin has no path",
    withService({ origins: ["https://a.example.com/v1"] }),
    'services.inventory.origins[0]: expected an origin such as "https://inventory.example.com", without a path or credentials: received "https://a.example.com/v1"',
  ],
  [
    "credentials in an origin are not shown",
    withService({ origins: ["https://u:pw@a.example.com"] }),
    'services.inventory.origins[0]: expected an origin such as "https://inventory.example.com", without a path or credentials: received a URL with credentials',
  ],
  [
    "plain http is not for a deployed mesh",
    withService({ origins: ["http://a.example.com"] }),
    'services.inventory.origins[0]: expected an https origin with a public host name (others only with environment "local" or in allowInsecureOrigins): received "http://a.example.com"',
  ],
  [
    "an address is not for a deployed mesh",
    withService({ origins: ["https://0x7f.1:8443"] }),
    'services.inventory.origins[0]: expected an https origin with a public host name (others only with environment "local" or in allowInsecureOrigins): received "https://0x7f.1:8443"',
  ],
  [
    "an IPv6 address neither",
    withService({ origins: ["https://[2001:db8::1]"] }),
    'services.inventory.origins[0]: expected an https origin with a public host name (others only with environment "local" or in allowInsecureOrigins): received "https://[2001:db8::1]"',
  ],
  [
    "loopback neither",
    withService({ origins: ["https://localhost:8443"] }),
    'services.inventory.origins[0]: expected an https origin with a public host name (others only with environment "local" or in allowInsecureOrigins): received "https://localhost:8443"',
  ],
  [
    "a private name neither",
    withService({ origins: ["https://db.internal."] }),
    'services.inventory.origins[0]: expected an https origin with a public host name (others only with environment "local" or in allowInsecureOrigins): received "https://db.internal."',
  ],
  [
    "an origin counts once",
    withService({ origins: ["https://a.example.com", "https://A.example.com:443"] }),
    'services.inventory.origins[1]: expected each origin once: received "https://A.example.com:443"',
  ],
  [
    "what may be insecure is an origin",
    withService({ allowInsecureOrigins: ["http://b.example.com"] }),
    `services.inventory.allowInsecureOrigins[0]: expected one of this service's origins, written alike: received "http://b.example.com"`,
  ],
  [
    "a time limit is in range",
    withService({ timeoutMs: 0 }),
    "services.inventory.timeoutMs: expected a whole number from 100 to 600000: received 0",
  ],
  [
    "a deployed mesh chooses its proof",
    withTop({ services: { inventory: { origins: service.origins } } }),
    'services.inventory.proof: expected "assertion", { header, secret }, or "none" said aloud (outside of environment "local"): received nothing',
  ],
  [
    "a proof by certificate is for later",
    withService({ proof: "mtls" }),
    'services.inventory.proof: expected "none" or "assertion" or { header, secret } (others are not available in this version): received "mtls"',
  ],
  [
    "a proof names its binding, and a secret is not shown",
    withService({ proof: { header: "X-P", secret: "hunter2-hunter2" } }),
    "services.inventory.proof.secret: expected the name of a secret's binding, in capitals, not one of the mesh's own (MESH_…): received a text of 15 characters",
  ],
  [
    "the mesh's own secrets stay at home",
    withService({ proof: { header: "X-P", secret: "MESH_ADMIN_SECRET" } }),
    "services.inventory.proof.secret: expected the name of a secret's binding, in capitals, not one of the mesh's own (MESH_…): received a text of 17 characters",
  ],
  [
    "a proof has a header to itself",
    withService({ proof: { header: "Authorization", secret: "P" } }),
    'services.inventory.proof.header: expected a header that nothing else uses: received "authorization"',
  ],
  [
    "nodes are for later",
    withService({ nodes: { urls: [] } }),
    'services.inventory.nodes: expected no such setting (not available in this version): received {"urls":[]}',
  ],
  [
    "a least number of nodes is for later",
    withService({ minimumNodes: 2 }),
    "services.inventory.minimumNodes: expected 0 (others are not available in this version): received 2",
  ],
  [
    "a private network is for later",
    withService({ via: "VPC" }),
    'services.inventory.via: expected no such setting (not available in this version): received "VPC"',
  ],
];

describe("a mistake in a service is told by its path, what was expected and what was received", () => {
  // One cause, one line: nothing is told that only follows from it.
  it.each(rows)("%s", (_rule, config, line) => {
    expect(mistakesOf(config)).toEqual([line]);
  });
});
