/**
 * What stands in for a service that is nowhere: one whose origin has a name that is reserved for examples (RFC 2606), as
 * in every guide. It answers each path with what was asked of it and what the mesh has told it, so that it can be seen.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { text } from "node:stream/consumers";

/** What a service that logs people in knows of everybody. */
const password = "shuttle";
const roles = ["editor"];
/** What each of its answers has used of a model. */
const usedTokens = 850;

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export function createStandIn(): Server {
  return createServer((request, response) => {
    if (request.url === "/news") {
      response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: hello\n\n");
      return;
    }
    void text(request).then(
      (body) => {
        const { status, body: answer, headers } = standInAnswer(request, body);
        const type = { "Content-Type": "application/json", "Cache-Control": "no-store" };
        response.writeHead(status, { ...type, ...headers }).end(`${JSON.stringify(answer)}\n`);
      },
      () => response.destroy(),
    );
  });
}

/** `body` is the request's. */
export function standInAnswer({ method = "GET", url = "/", headers }: IncomingMessage, body: string): Answer {
  if (method === "POST" && url === "/login") return logIn(body);
  const told = Object.entries(headers).filter(([name]) => name.startsWith("mesh-"));
  const answer = { asked: `${method} ${url}`, told: Object.fromEntries(told.toSorted(byName)) };
  if (url === "/complete") return { status: 200, body: answer, headers: { "x-tokens-used": String(usedTokens) } };
  return { status: 200, body: answer };
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}

function logIn(body: string): Answer {
  const { username, password: typed } = membersOf(body);
  const isRight = typeof username === "string" && typed === password;
  return isRight
    ? { status: 200, body: { user: { login: username, roles } } }
    : { status: 401, body: { message: "this name and password do not belong together" } };
}

function membersOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
