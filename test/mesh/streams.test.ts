/** Big bodies pass in both directions without being held, and a client that goes away takes its upstream call with it. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { startMesh } from "../support/mesh.ts";
import { StreamOrigin } from "../support/stream-origin.ts";

const megabyte = 1_048_576;
const size = 200 * megabyte;

let origin: StreamOrigin;
let mesh: LocalMesh;
let port: number;

beforeAll(async () => {
  origin = await StreamOrigin.start();
  mesh = await startMesh({
    configFile: join(import.meta.dirname, "streams.config.ts"),
    regions: ["weur"],
    origins: { "*": origin.url },
  });
  port = mesh.edges[0]?.port ?? 0;
});
afterAll(async () => {
  await mesh.stop();
  origin.stop();
});

/** Resident memory of the process in which the Workers run, bytes. */
function residentBytes(): number {
  const status = readFileSync(`/proc/${mesh.runtimePid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

async function download(path: string): Promise<{ readonly bytes: number; readonly peak: number }> {
  const call = httpRequest({ port, host: "127.0.0.1", path });
  call.end();
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  let bytes = 0;
  let peak = 0;
  let looks = 0;
  for await (const piece of answer) {
    bytes += (piece as Buffer).byteLength;
    looks += 1;
    if (looks % 200 === 0) peak = Math.max(peak, residentBytes());
  }
  return { bytes, peak };
}

async function upload(path: string): Promise<{ readonly bytes: number; readonly peak: number }> {
  const piece = Buffer.alloc(megabyte, "x");
  let peak = 0;
  const body = Readable.from(
    (function* pieces() {
      for (let sent = 0; sent < size; sent += megabyte) {
        if ((sent / megabyte) % 10 === 0) peak = Math.max(peak, residentBytes());
        yield piece;
      }
    })(),
  );
  const call = httpRequest({ port, host: "127.0.0.1", path, method: "POST", headers: { "Content-Length": size } });
  body.pipe(call);
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  let text = "";
  for await (const part of answer) text += String(part);
  return { bytes: Number(text), peak };
}

describe("200 MB through the gate", () => {
  /** Well below the body: what a runtime holds of it is buffers, not the body. */
  const allowed = 80 * megabyte;

  it.each([
    ["a download", () => download(`/bytes/${size}`)],
    ["a download on a route with a cache", () => download(`/kept/bytes/${size}`)],
    ["a download of unsaid length on a route with a cache", () => download(`/kept/unsaid/bytes/${size}`)],
    ["an upload", () => upload("/count")],
    ["an upload on a route with a cache", () => upload("/kept/count")],
  ])("%s keeps the runtime's memory flat", async (_what, pass) => {
    await download(`/bytes/${megabyte}`);
    const before = residentBytes();
    const { bytes, peak } = await pass();
    expect(bytes).toBe(size);
    expect(peak).toBeGreaterThan(0);
    expect(peak - before).toBeLessThan(allowed);
  });
});

describe("a client that reads slowly", () => {
  it.each(["/endless/slow", "/kept/endless/slow"])(
    "holds the upstream of %s back, and is not read ahead for",
    async (path) => {
      const before = residentBytes();
      const call = httpRequest({ port, host: "127.0.0.1", path });
      call.end();
      const [answer] = (await once(call, "response")) as [IncomingMessage];
      answer.pause();
      // What the sockets between them take; then it stands still.
      let sent = -1;
      await expect
        .poll(
          () => {
            const isStill = sent === origin.sentBytes(path) && sent > 0;
            sent = origin.sentBytes(path);
            return isStill;
          },
          { interval: 200, timeout: 10_000 },
        )
        .toBe(true);
      expect(sent).toBeLessThan(128 * megabyte);
      expect(residentBytes() - before).toBeLessThan(80 * megabyte);
      call.destroy();
      await origin.gone(path);
    },
  );
});

// The upstream of these routes has ten minutes: nothing but the client's end frees it within the test's time.
describe("a client that goes away", { timeout: 5_000 }, () => {
  it.each(["/patient/endless/download", "/patient/kept/endless/download"])(
    "frees the upstream in the middle of a download from %s",
    async (path) => {
      const call = httpRequest({ port, host: "127.0.0.1", path });
      call.end();
      const [answer] = (await once(call, "response")) as [IncomingMessage];
      await once(answer, "data");
      call.destroy();
      await origin.gone(path);
    },
  );

  it("frees an upstream that fell silent in the middle of a download, by reset", async () => {
    const path = "/patient/stalling/reset";
    const call = httpRequest({ port, host: "127.0.0.1", path });
    call.end();
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    await once(answer, "data");
    answer.socket.resetAndDestroy();
    await origin.gone(path);
  });

  it("frees the upstream in the middle of an upload, by reset", async () => {
    const path = "/patient/count/reset";
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${path} HTTP/1.1\r\nHost: api.example\r\nContent-Length: 1000000\r\n\r\nfirst bytes`);
    await origin.begun(path);
    socket.resetAndDestroy();
    await origin.gone(path);
  });

  it.each(["/patient/silent/reset", "/patient/kept/silent/reset"])(
    "frees the upstream of %s by reset before the first byte of the answer",
    async (path) => {
      const socket = connect(port, "127.0.0.1");
      socket.write(`GET ${path} HTTP/1.1\r\nHost: api.example\r\n\r\n`);
      await origin.begun(path);
      socket.resetAndDestroy();
      await origin.gone(path);
    },
  );

  it.each(["/silent/quiet", "/kept/silent/quiet"])(
    "frees the upstream of %s by a quiet close before the first byte, at the latest when the service's time is over",
    async (path) => {
      const socket = connect(port, "127.0.0.1");
      socket.write(`GET ${path} HTTP/1.1\r\nHost: api.example\r\n\r\n`);
      await origin.begun(path);
      socket.end();
      await origin.gone(path);
    },
  );
});
