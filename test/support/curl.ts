/** Requests written down as curl's command lines, and sent as curl sends them. */
import { rawRequest, type RawAnswer, sendRaw } from "./raw-http.ts";

interface CurlRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
}

/** Names in the line, such as `$TOKEN`, stand for values that are not known when it is written. */
export type CurlValues = Readonly<Record<string, string>>;

export function sendCurl(port: number, line: string, values: CurlValues = {}): Promise<RawAnswer> {
  const { method, target, fields, body } = readCurl(line, values);
  return sendRaw(port, rawRequest(`${method} ${target}`, fields, body));
}

/** `-X POST -u ada:secret -H 'Field: value' -d name=value -b name=value /path`, in any order. */
function readCurl(line: string, values: CurlValues = {}): CurlRequest {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => filled(quoted ?? bare ?? "", values));
  const fields = ["User-Agent: curl/8.5.0", "Accept: */*"];
  const data: string[] = [];
  let method: string | null = null;
  let target = "";
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const value = () => words[(at += 1)] ?? "";
    if (word === "-X") method = value();
    else if (word === "-u") fields.push(`Authorization: Basic ${Buffer.from(value()).toString("base64")}`);
    else if (word === "-H") fields.push(value());
    else if (word === "-b") fields.push(`Cookie: ${value()}`);
    else if (word === "-d") data.push(value());
    else if (word.startsWith("/")) target = word;
    else throw new Error(`cannot read a curl line: expected -X, -u, -H, -b, -d or a path: received ${word}`);
  }
  const body = data.join("&");
  if (data.length > 0) {
    fields.push("Content-Type: application/x-www-form-urlencoded", `Content-Length: ${Buffer.byteLength(body)}`);
  }
  return { method: method ?? (data.length > 0 ? "POST" : "GET"), target, fields, body };
}

function filled(word: string, values: CurlValues): string {
  return word.replaceAll(/\$[A-Z]+/g, (name) => values[name.slice(1)] ?? name);
}
