import { setTimeout } from "node:timers/promises";

/** A request that is made here and shown as the curl line that makes it: one description, so that both are the same. */
export interface ShownRequest {
  readonly method?: "DELETE" | "GET" | "POST" | "PUT";
  readonly url: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** The shell variable that has the token to show. */
  readonly bearer?: string;
  /** A name and a password, which need no quotes. */
  readonly login?: { readonly name: string; readonly password: string };
  /** The shell variable that gets the token which the answer gives; then the line prints nothing. */
  readonly keeps?: string;
  /** Fields of the answer's head that the line shows beside the body. */
  readonly shows?: readonly string[];
}

/** What a shell has by then, by the names of its variables. */
export type Tokens = Map<string, string>;

/** Takes the token out of an answer. */
export const tokenOut = `sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'`;

export function curlLine(request: ShownRequest): string {
  const { method = "GET", url, json, bearer, login, keeps, shows = [] } = request;
  const line = [
    "curl -s",
    shows.length > 0 ? "-i" : "",
    method === "GET" || (method === "POST" && json !== undefined) ? "" : `-X ${method}`,
    login === undefined ? "" : `-u ${login.name}:${login.password}`,
    bearer === undefined ? "" : `-H "Authorization: Bearer $${bearer}"`,
    json === undefined ? "" : `-H "Content-Type: application/json" -d ${quoted(JSON.stringify(json))}`,
    /^[\w:/.-]+$/.test(url) ? url : quoted(url),
  ]
    .filter((part) => part !== "")
    .join(" ");
  return keeps === undefined ? line : `${keeps}=$(${line} | ${tokenOut})`;
}

/** Makes the request; what came back, in one or a few lines: the status, the fields that are shown, the body. */
export async function perform(request: ShownRequest, tokens: Tokens): Promise<string[]> {
  const response = await answerTo(request, tokens);
  const text = (await response.text()).trim();
  if (request.keeps !== undefined) {
    tokens.set(request.keeps, tokenIn(text));
    return [String(response.status)];
  }
  const fields = (request.shows ?? []).flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [`${name}: ${value}`];
  });
  return [`${response.status}  ${shortened(text)}`.trim(), ...fields];
}

/** After a quick restart short windows stay shut for a few seconds: what shall be shown is not that. */
async function answerTo(request: ShownRequest, tokens: Tokens): Promise<Response> {
  for (let attempt = 0; ; attempt += 1) {
    const response = await send(request, tokens);
    const waitSeconds = Number(response.headers.get("retry-after") ?? "0");
    if (response.status !== 429 || attempt >= 5 || waitSeconds > 10) return response;
    await response.arrayBuffer();
    await setTimeout(waitSeconds * 1_000);
  }
}

/** Makes the request once. A redirect is an answer, as it is to curl. */
export function send(request: ShownRequest, tokens: Tokens): Promise<Response> {
  const { method = "GET", url, json } = request;
  const authorization = authorizationOf(request, tokens);
  return fetch(url, {
    method,
    headers: {
      ...(authorization === null ? {} : { Authorization: authorization }),
      ...(json === undefined ? {} : { "Content-Type": "application/json" }),
    },
    body: json === undefined ? null : JSON.stringify(json),
    redirect: "manual",
    signal: AbortSignal.timeout(10_000),
  });
}

function authorizationOf({ bearer, login }: ShownRequest, tokens: Tokens): string | null {
  if (login !== undefined) return `Basic ${btoa(`${login.name}:${login.password}`)}`;
  return bearer === undefined ? null : `Bearer ${tokens.get(bearer) ?? ""}`;
}

function tokenIn(text: string): string {
  const answer = JSON.parse(text) as { readonly access_token?: unknown };
  if (typeof answer.access_token !== "string") throw new Error(`cannot show a login: received ${shortened(text)}`);
  return answer.access_token;
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, " ");
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
