/** HTTP by hand, for what no client library would send. */
import { connect } from "node:net";

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names, in order of arrival. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

/** Sends the text as it stands (`Connection: close` is the sender's to add) and reads until the other side closes. */
export async function sendRaw(port: number, text: string): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => (received += chunk));
  socket.on("close", () => resolve(received));
  socket.on("error", reject);
  socket.write(text, "latin1");
  return parse(await promise);
}

/** A request that the other side closes after its answer. */
export function rawRequest(requestLine: string, fields: readonly string[] = [], body = ""): string {
  const hasHost = fields.some((field) => /^host:/i.test(field));
  const head = [`${requestLine} HTTP/1.1`, ...(hasHost ? [] : ["Host: any.example"]), ...fields];
  if (!fields.some((field) => /^connection:/i.test(field))) head.push("Connection: close");
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

function parse(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, end === -1 ? text.length : end).split("\r\n");
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  const raw = end === -1 ? "" : text.slice(end + 4);
  const isChunked = fields.some(([name, value]) => name === "transfer-encoding" && value === "chunked");
  return { status: Number(statusLine.split(" ")[1] ?? 0), fields, body: isChunked ? unchunked(raw) : raw };
}

function unchunked(text: string): string {
  let body = "";
  let at = 0;
  for (;;) {
    const line = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, line), 16);
    if (line === -1 || !(length > 0)) return body;
    body += text.slice(line + 2, line + 2 + length);
    at = line + length + 4;
  }
}
