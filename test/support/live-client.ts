/** A client of an answer that goes on: what it has received so far, and how it ended. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocket } from "ws";

/** `3000 token revoked` of a WebSocket; of a stream `whole`, or `broken`. */
type HowEnded = string;

export interface LiveClient {
  readonly what: string;
  /** All text so far. */
  readonly received: () => string;
  /** null while it goes on. */
  readonly ended: () => HowEnded | null;
  readonly reset: () => void;
  readonly pause: () => void;
}

/** Resolves once something has come. `what` is the path's last segment; `ws` for a WebSocket. */
export function openLive(url: string, path: string, headers: Readonly<Record<string, string>>): Promise<LiveClient> {
  return path.endsWith("/ws") ? openSocket(url, path, headers) : openStream(url, path, headers);
}

async function openSocket(url: string, path: string, headers: Readonly<Record<string, string>>): Promise<LiveClient> {
  let received = "";
  let ended: HowEnded | null = null;
  const socket = new WebSocket(`${url.replace("http", "ws")}${path}`, { headers, perMessageDeflate: false });
  socket.on("message", (data: Buffer) => (received += data.toString()));
  socket.on("close", (code, reason) => (ended = `${code} ${reason.toString()}`));
  await once(socket, "message");
  socket.on("error", () => undefined);
  const connection = (socket as unknown as { readonly _socket: Socket })._socket;
  return {
    what: "ws",
    received: () => received,
    ended: () => ended,
    reset: () => connection.resetAndDestroy(),
    pause: () => socket.pause(),
  };
}

async function openStream(url: string, path: string, headers: Readonly<Record<string, string>>): Promise<LiveClient> {
  const { hostname, port } = new URL(url);
  const call = httpRequest({ host: hostname, port, path, headers, agent: false });
  call.on("error", () => undefined);
  call.end();
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  let received = "";
  let ended: HowEnded | null = null;
  answer.setEncoding("utf8");
  answer.on("data", (text: string) => (received += text));
  answer.on("end", () => (ended = "whole"));
  answer.on("error", () => (ended = "broken"));
  if (answer.statusCode !== 200) throw new Error(`cannot open ${path}: received ${answer.statusCode}`);
  await once(answer, "data");
  return {
    what: path.split("/").at(-1) ?? "",
    received: () => received,
    ended: () => ended,
    reset: () => answer.socket.resetAndDestroy(),
    pause: () => answer.pause(),
  };
}
