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
export async function perform(
  { method = "GET", url, json, isAuthorized, shows = [] }: ShownRequest,
  token: string,
): Promise<string[]> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(isAuthorized === true ? { Authorization: `Bearer ${token}` } : {}),
      ...(json === undefined ? {} : { "Content-Type": "application/json" }),
    },
    body: json === undefined ? null : JSON.stringify(json),
    signal: AbortSignal.timeout(10_000),
  });
  const text = (await response.text()).trim();
  const fields = shows.flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [`${name}: ${value}`];
  });
  return [`${response.status}  ${shortened(text)}`, ...fields];
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, " ");
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
