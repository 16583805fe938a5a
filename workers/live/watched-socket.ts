/**
 * A WebSocket whose end is told, and that can be closed from here. Messages pass one by one, and nothing can hold up who
 * sends them: the runtime does not say what waits to be sent. What nobody looks after passes by itself, and held up.
 */
import { tryAgainLater, type Cut, type Running } from "./running.ts";

/** The same answer, with a socket of ours in the place of the upstream's. */
export function watchedSocket(answer: Response, upstream: WebSocket, { over, ended }: Running<Cut>): Response {
  const { 0: client, 1: here } = new WebSocketPair();
  let isOpen = true;
  const end = (): void => {
    isOpen = false;
    ended();
  };
  for (const [from, to] of [
    [upstream, here],
    [here, upstream],
  ] as const) {
    from.binaryType = "arraybuffer";
    from.accept();
    from.addEventListener("message", (event) => send(to, event.data as string | ArrayBuffer));
    from.addEventListener("close", ({ code, reason }) => {
      close(to, code, reason);
      close(from, code, reason);
      end();
    });
    from.addEventListener("error", () => {
      close(to, tryAgainLater, "the other side broke off");
      end();
    });
  }
  void over.then(({ closeCode, reason }) => {
    if (!isOpen) return;
    for (const socket of [upstream, here]) close(socket, closeCode, reason);
    end();
  });
  return new Response(null, { status: 101, headers: answer.headers, webSocket: client });
}

/** What arrives after a close is for nobody. */
function send(to: WebSocket, data: string | ArrayBuffer): void {
  if (to.readyState === WebSocket.OPEN) to.send(data);
}

/** Codes that only a connection without a closing handshake has cannot be sent (RFC 6455 section 7.4.1). */
function close(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState !== WebSocket.OPEN && socket.readyState !== WebSocket.CLOSING) return;
  try {
    if (code === 1005) socket.close();
    else socket.close(code === 1006 || code === 1015 ? 1011 : code, reason);
  } catch {
    // It is closed already.
  }
}
