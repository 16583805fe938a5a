/** Reads what a caller of the mesh API sent: strict JSON, bounded, unknown and doubled fields refused. */
import * as v from "valibot";
import { parseStrictObject } from "../token/strict-json.ts";
import { refused } from "./refused.ts";

/** Bodies of the mesh API, bytes. */
const maxBodyBytes = 1_048_576;
const expectedFor = {
  not_json_object: "a JSON object",
  not_utf8: "well-formed Unicode",
  member_repeated: "no field twice",
  nested_too_deep: "less depth",
} as const;
/** Of a field's name in a problem's detail, characters. */
const longestField = 100;

/**
 * The body as `schema` says, or a `malformed_request` that names the field and what was expected. `none` is what no body
 * at all stands for, where there may be none.
 */
export async function readBody<Schema extends v.GenericSchema>(
  request: Request,
  schema: Schema,
  none = "",
): Promise<v.InferOutput<Schema>> {
  const body = parseStrictObject((await readText(request)) || none);
  if (body.kind === "refused") throw refused("malformed_request", `body: expected ${expectedFor[body.reason]}`);
  return checked(schema, body.value);
}

/** Query parameters as `schema` says; a parameter given twice is refused. */
export function readQuery<Schema extends v.GenericSchema>(url: string, schema: Schema): v.InferOutput<Schema> {
  const query = new URL(url).searchParams;
  // Without a prototype: a parameter named `__proto__` is a parameter like another.
  const record = Object.create(null) as Record<string, string>;
  for (const [name, value] of query) {
    if (Object.hasOwn(record, name))
      throw refused("malformed_request", `query ${shortened(name)}: expected once: received more than once`);
    record[name] = value;
  }
  return checked(schema, record);
}

export function checked<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw refused("malformed_request", `${shortened(v.getDotPath(issue) ?? "body")}: ${expectedBy(issue)}`);
}

/** The library's own words for objects repeat what was received whole; the fields' messages are ours. */
function expectedBy(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== "strict_object") return issue.message;
  if (issue.expected === "never") return "expected no such field";
  return issue.expected === "Object" ? "expected an object" : "expected, and missing";
}

/** Names of fields come from the caller and may be as long as the body. */
export function shortened(field: string): string {
  return field.length <= longestField ? field : `${field.slice(0, longestField)}…`;
}

/** The body as UTF-8 text of at most 1 MiB; a declared length over it is refused before a byte is read. */
export async function readText(request: Request): Promise<string> {
  const declared = Number(request.headers.get("content-length") ?? "0");
  if (declared > maxBodyBytes) throw tooLarge();
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    length += chunk.byteLength;
    if (length > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refused("malformed_request", "body: expected UTF-8");
  }
}

function tooLarge(): Error {
  return refused("too_large", `body: expected at most ${maxBodyBytes} bytes`);
}
