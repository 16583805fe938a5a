/** A local mesh whose operator is refused says so in a line, and what to do. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { CannotStart } from "../../local/cannot-start.ts";
import type { LocalMesh } from "../../local/mesh.ts";
import { makeTour } from "../../local/tour.ts";

it("a mesh that refuses its own operator cannot start, and the line names the refusal and the state", async () => {
  const server = createServer((_request, response) => {
    response.writeHead(401, { "Content-Type": "application/problem+json" }).end('{"code":"token_revoked"}');
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  // As much of a mesh as a tour asks before it has a token that is good.
  const mesh = {
    edges: [{ url: `http://127.0.0.1:${port}` }],
    configuration: { accounts: { service: null } },
    state: { path: "/state" },
    adminToken: () => Promise.resolve("t"),
  } as unknown as LocalMesh;
  try {
    const refusal: unknown = await makeTour(mesh, "configured").catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CannotStart);
    expect(String(refusal)).toMatch(/refuses its own operator .*401 token_revoked.*--fresh .*\/state/);
    expect(String(refusal)).not.toContain("\n");
  } finally {
    server.close();
  }
});
