import fc from "fast-check";
import { parseList, serializeList, type Item } from "structured-headers";
import { describe, expect, test } from "vitest";
import { withheldFromAnswer } from "../../workers/gate/answer-head.ts";
import { identityFields } from "../../workers/gate/identity-fields.ts";
import { upstreamHead, type UpstreamHead } from "../../workers/gate/upstream-head.ts";
import type { Identity } from "../../workers/token/identity.ts";

const identity: Identity = {
  issuer: "https://id.example.com",
  subject: "ada",
  client: null,
  tenant: "acme",
  roles: ["reader", 'a "b" \\c'],
  scopes: [],
  claims: {},
  expiresAt: 0,
};
const own = { "Mesh-Request-Id": "1", "X-Forwarded-For": "203.0.113.9" };

function sent(fields: Readonly<Record<string, string>>, more: Partial<UpstreamHead> = {}): Record<string, string> {
  const head = {
    fields: new Map(Object.entries(fields)),
    identity: null,
    withheld: [],
    own,
    isUpgrade: false,
    isContinued: true,
  };
  return upstreamHead({ ...head, ...more });
}

describe("head towards the upstream", () => {
  test("a client's fields go on", () => {
    expect(sent({ accept: "*/*", cookie: "a=b", authorization: "Bearer x", "cache-control": "max-age=0" })).toEqual({
      accept: "*/*",
      cookie: "a=b",
      authorization: "Bearer x",
      "cache-control": "max-age=0",
      ...own,
    });
  });

  test("fields of one connection stop here, and all that Connection lists", () => {
    const fields = {
      connection: "close, X-Secret",
      "keep-alive": "1",
      te: "trailers",
      trailer: "x",
      "transfer-encoding": "chunked",
      upgrade: "h2c",
      "http2-settings": "x",
      "proxy-authorization": "Basic x",
      "proxy-connection": "x",
      "x-secret": "1",
    };
    expect(sent(fields)).toEqual(own);
  });

  test.each([
    "mesh-subject",
    "mesh_subject",
    "mesh-roles",
    "mesh_tenant",
    "mesh-anything",
    "mesh_client-address",
    "mesh-fence",
    "mesh.subject",
    "mesh_client_address",
  ])("no client can say %s", (name) => {
    expect(sent({ [name]: "spoofed" })).toEqual(own);
  });

  test("Connection cannot take away what the mesh says", () => {
    const connection = "Mesh-Subject, mesh-request-id, X-Forwarded-For, traceparent";
    const fields = identityFields(identity);
    if (fields === "unencodable") throw new Error("expected fields");
    expect(sent({ connection }, { identity: fields })).toMatchObject({ ...own, "Mesh-Subject": "ada" });
  });

  test("nothing that speaks for the client's address comes from the client", () => {
    const names = [
      "x-forwarded-for",
      "forwarded",
      "x-real-ip",
      "true-client-ip",
      "cf-connecting-ip",
      "x-forwarded-host",
    ];
    expect(sent(Object.fromEntries(names.map((name) => [name, "6.6.6.6"])))).toEqual(own);
  });

  test("no client imitates a replaced or withheld field in a spelling that CGI and WSGI read as the same name", () => {
    const names = [
      "x_forwarded_for",
      "x_real_ip",
      "x_forwarded-host",
      "x-forwarded_proto",
      "cf_connecting_ip",
      "x.forwarded.for",
      "true+client_ip",
      "transfer_encoding",
      "proxy_authorization",
      "x_edge_proof",
      "x-edge.proof",
      "if_none_match",
    ];
    const withheld = ["x-edge-proof", "if-none-match"];
    expect(sent(Object.fromEntries(names.map((name) => [name, "spoofed"])), { withheld })).toEqual(own);
    expect(sent({ "x-own-proof": "spoofed", x_own_proof: "spoofed" }, { withheld: ["x_own_proof"] })).toEqual(own);
    expect(sent({ x_session: "1", "x.y": "2" })).toEqual({ x_session: "1", "x.y": "2", ...own });
  });

  test("a state without its trace stops here", () => {
    expect(sent({ tracestate: "a=b" }, { isContinued: true })).toHaveProperty("tracestate");
    expect(sent({ tracestate: "a=b" }, { isContinued: false })).not.toHaveProperty("tracestate");
  });

  test("a handshake keeps its subprotocols and leaves the rest to the runtime", () => {
    const fields = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "x",
      "sec-websocket-version": "13",
      "sec-websocket-extensions": "permessage-deflate",
      "sec-websocket-protocol": "chat",
    };
    expect(sent(fields, { isUpgrade: true })).toEqual({
      ...own,
      Upgrade: "websocket",
      "sec-websocket-protocol": "chat",
    });
  });

  test("whatever a client sends, the mesh's fields arrive as the mesh set them and in no second spelling", () => {
    const name = fc.constantFrom(
      "mesh-subject",
      "mesh_subject",
      "mesh-x",
      "connection",
      "te",
      "x-forwarded-for",
      "accept",
      "x-a",
    );
    const value = fc.constantFrom("mesh-subject", "Mesh-Request-Id, x-a", "close", "spoofed", "X-Forwarded-For");
    const encoded = identityFields(identity);
    if (encoded === "unencodable") throw new Error("expected fields");
    fc.assert(
      fc.property(fc.dictionary(name, value), (fields) => {
        const head = sent(fields, { identity: encoded });
        const ofMesh = Object.entries(head).filter(([key]) => /^mesh[-_]/i.test(key));
        expect(Object.fromEntries(ofMesh)).toEqual({ ...encoded, "Mesh-Request-Id": "1" });
        expect(Object.keys(head).filter((key) => key.toLowerCase() === "x-forwarded-for")).toEqual(["X-Forwarded-For"]);
      }),
      { numRuns: 500 },
    );
  });
});

describe("identity as fields", () => {
  test("roles are a list of strings (RFC 9651), and read back as they were", () => {
    const fields = identityFields(identity);
    expect(fields).toMatchObject({
      "Mesh-Subject": "ada",
      "Mesh-Issuer": "https://id.example.com",
      "Mesh-Tenant": "acme",
    });
    const roles = fields === "unencodable" ? "" : (fields["Mesh-Roles"] ?? "");
    expect(roles).toBe('"reader", "a \\"b\\" \\\\c"');
    expect(parseList(roles).map(([role]) => role)).toEqual(identity.roles);
  });

  test("roles of any printable text are written as another implementation writes them", () => {
    const role = fc.string({ unit: "grapheme-ascii", maxLength: 12 });
    fc.assert(
      fc.property(fc.array(role, { minLength: 1, maxLength: 5 }), (roles) => {
        const written = serializeList(roles.map((each): Item => [each, new Map()]));
        expect(identityFields({ ...identity, roles })).toMatchObject({ "Mesh-Roles": written });
      }),
    );
  });

  test("no tenant and no roles are no fields", () => {
    const fields = identityFields({ ...identity, tenant: null, roles: [] });
    expect(fields).toEqual({ "Mesh-Subject": "ada", "Mesh-Issuer": "https://id.example.com" });
  });

  test.each([
    { subject: "jörg" },
    { subject: "a\r\nMesh-Roles: admin" },
    { subject: " ada" },
    { subject: "ada " },
    { subject: "" },
    { tenant: "a\u0000" },
    { issuer: "https://é" },
    { roles: ["reader", "rôle"] },
    { roles: ["a\nb"] },
  ])("what a field cannot carry exactly is not sent in another form: %j", (part) => {
    expect(identityFields({ ...identity, ...part })).toBe("unencodable");
  });
});

describe("head of the answer", () => {
  test("fields of the upstream's connection and every spelling of the mesh's names are withheld", () => {
    const headers = new Headers({
      connection: "x-hop",
      "x-hop": "1",
      "keep-alive": "1",
      "mesh-region": "x",
      mesh_x: "1",
      etag: "e",
    });
    expect([...withheldFromAnswer(headers, false)].toSorted()).toEqual([
      "connection",
      "keep-alive",
      "mesh-region",
      "mesh_x",
      "x-hop",
    ]);
  });

  test("the upstream's words on CORS are withheld only where the route has its own", () => {
    const headers = new Headers({ "access-control-allow-origin": "*" });
    expect(withheldFromAnswer(headers, false)).toEqual([]);
    expect(withheldFromAnswer(headers, true)).toEqual(["access-control-allow-origin"]);
  });
});
