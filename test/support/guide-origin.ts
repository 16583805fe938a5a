/**
 * What is behind the mesh of the guides, each at the paths that it has in them: the issuers' keys, a RESTHeart and a
 * Kuzzle. Any other path is answered as by what stands in for a service on a reader's own machine.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { jwtVerify, SignJWT, type JWK } from "jose";
import { standInAnswer } from "../../local/demo/stand-in.ts";

/** What RESTHeart signs with, and shares. */
export const restheartKey = "what all nodes of RESTHeart are told";
const key = new TextEncoder().encode(restheartKey);
/** As its `jwtConfigProvider` says it in the guide. */
const issuer = "https://api.example.com";
const person = { name: "ada", password: "shuttle" };

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
  readonly cookie: string;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string | number>>;
}

export class GuideOrigin {
  readonly url: string;
  readonly #server: Server;
  readonly #keys: readonly JWK[];
  #streams = 0;

  private constructor(server: Server, keys: readonly JWK[]) {
    this.#server = server;
    this.#keys = keys;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => void this.#answer(request, response));
  }

  static async start(keys: readonly JWK[]): Promise<GuideOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new GuideOrigin(server, keys);
  }

  /** How many streams it has begun. */
  get streams(): number {
    return this.#streams;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const { authorization = "", cookie = "" } = headers;
    if (url === "/news") return this.#stream(response);
    const asked = { method, path: url, authorization, cookie, body: await text(request) };
    const { status, body, headers: more } = (await this.#answerTo(asked)) ?? standInAnswer(request, asked.body);
    response.writeHead(status, { "content-type": "application/json", ...more }).end(JSON.stringify(body));
  }

  #stream(response: ServerResponse): void {
    this.#streams += 1;
    response.setHeader("content-type", "text/event-stream").write("data: hello\n\n");
  }

  /** null: what stands in for a service answers. */
  #answerTo(asked: Asked): Answer | Promise<Answer> | null {
    const { path } = asked;
    if (path === "/jwks") return found({ keys: this.#keys });
    if (path === "/_login/local")
      return logIn(asked, { status: 200, result: { _id: "kuid-ada", jwt: "kauth-signed" } });
    if (path === "/users/_me")
      return asked.authorization === "Bearer kauth-signed" ? found({ _id: "kuid-ada" }) : wrong;
    if (path === "/token") return giveToken(asked);
    return path.startsWith("/books") || path.startsWith("/films") ? openShelf(asked) : null;
  }
}

const wrong: Answer = { status: 401, body: { message: "unauthorized" } };

function found(body: object): Answer {
  return { status: 200, body };
}

/** A login whose name and password are members of a body. */
function logIn({ body }: Asked, known: object): Answer {
  const { username, password } = JSON.parse(body) as { readonly username: unknown; readonly password: unknown };
  return username === person.name && password === person.password ? found(known) : wrong;
}

function isPerson(authorization: string): boolean {
  return authorization === `Basic ${btoa(`${person.name}:${person.password}`)}`;
}

/** As RESTHeart 9 does: no `iat`, no `aud`, and `JWT` for a type. */
async function giveToken({ authorization }: Asked): Promise<Answer> {
  if (!isPerson(authorization)) return wrong;
  const roles = ["editor"];
  const signing = new SignJWT({ roles }).setProtectedHeader({ alg: "HS256", typ: "JWT" });
  const token = await signing.setIssuer(issuer).setSubject(person.name).setExpirationTime("15m").sign(key);
  return found({ access_token: token, token_type: "Bearer", expires_in: 900, username: person.name, roles });
}

/** Its own token or another's with its key, as Bearer or in its cookie; or the password with every call. */
async function openShelf({ authorization, cookie }: Asked): Promise<Answer> {
  if (isPerson(authorization)) return found({ read: person.name });
  const [, token = ""] = /^Bearer (.+)$/.exec(authorization) ?? /(?:^|; )rh_auth=Bearer_([^;]+)/.exec(cookie) ?? [];
  // Whatever is wrong with it, it is no token of this origin's.
  const verified = await jwtVerify(token, key, { issuer, algorithms: ["HS256"] }).catch(() => null);
  return verified === null ? wrong : found({ read: verified.payload.sub });
}
