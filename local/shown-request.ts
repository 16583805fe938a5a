import { setTimeout } from "node:timers/promises";

/** A request that is made here and shown as the curl line that makes it: one description, so that both are the same. */
export interface ShownRequest {
  readonly method?: "DELETE" | "GET" | "POST" | "PUT";
  readonly url: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** The line takes the token from `$TOKEN`. */
  readonly isAuthorized?: boolean;
  /** Fields of the answer's head that the line shows beside the body. */
  readonly shows?: readonly string[];
}

export function curlLine({ method = "GET", url, json, isAuthorized, shows = [] }: ShownRequest): string {
  return [
    "curl -s",
    shows.length > 0 ? "-i" : "",
    method === "GET" || (method === "POST" && json !== undefined) ? "" : `-X ${method}`,
    isAuthorized === true ? `-H "Authorization: Bearer $TOKEN"` : "",
    json === undefined ? "" : `-H "Content-Type: application/json" -d ${quoted(JSON.stringify(json))}`,
    /^[\w:/.-]+$/.test(url) ? url : quoted(url),
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** Makes the request; what came back, in one or a few lines: the status, the fields that are shown, the body. */
export async function perform(request: ShownRequest, token: string): Promise<string[]> {
  const response = await answerTo(request, token);
  const text = (await response.text()).trim();
  const fields = (request.shows ?? []).flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [`${name}: ${value}`];
  });
  return [`${response.status}  ${shortened(text)}`, ...fields];
}

/** After a quick restart short windows stay shut for a few seconds: what shall be shown is not that. */
async function answerTo(request: ShownRequest, token: string): Promise<Response> {
  for (let attempt = 0; ; attempt += 1) {
    const response = await send(request, token);
    const waitSeconds = Number(response.headers.get("retry-after") ?? "0");
    if (response.status !== 429 || attempt >= 5 || waitSeconds > 10) return response;
    await response.arrayBuffer();
    await setTimeout(waitSeconds * 1_000);
  }
}

/** Makes the request once. A redirect is an answer, as it is to curl. */
export function send({ method = "GET", url, json, isAuthorized }: ShownRequest, token: string): Promise<Response> {
  return fetch(url, {
    method,
    headers: {
      ...(isAuthorized === true ? { Authorization: `Bearer ${token}` } : {}),
      ...(json === undefined ? {} : { "Content-Type": "application/json" }),
    },
    body: json === undefined ? null : JSON.stringify(json),
    redirect: "manual",
    signal: AbortSignal.timeout(10_000),
  });
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, " ");
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
