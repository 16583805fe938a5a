/** Answers of the demo's service, and how requests are read: JSON both ways. */
import type { IncomingMessage, ServerResponse } from "node:http";

const maxBodyBytes = 65_536;

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown to leave a handler with an answer. */
export class Answered extends Error {
  readonly reply: Reply;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.name = "Answered";
    this.reply = { status, body: { error: detail }, headers };
  }
}

export function replyTo(error: unknown): Reply {
  if (error instanceof Answered) return error.reply;
  process.stderr.write(`the demo's inventory failed: ${String(error)}\n`);
  return { status: 500, body: { error: "the inventory failed" } };
}

export function send(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Reply): void {
  const text = body === undefined ? "" : `${JSON.stringify(body)}\n`;
  const type =
    body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
  response.writeHead(status, { ...type, ...headers });
  response.end(request.method === "HEAD" ? "" : text);
}

export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json")
    throw new Answered(415, "expected a body of type application/json", { Accept: "application/json" });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes)
      throw new Answered(413, `expected at most ${maxBodyBytes} bytes`, { Connection: "close" });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    throw new Answered(400, "expected JSON");
  }
}
