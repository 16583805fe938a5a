/** Calls of the mesh API that must be refused, written down as what is sent and what must come back. */
import { rawRequest, type RawAnswer, sendRaw } from "./raw-http.ts";

/** Who asks: with which Authorization field, or none. */
export type Caller = "admin" | "reader" | "nobody" | { readonly fields: readonly string[] };

export interface RefusedCall {
  readonly title: string;
  /** `POST /locks/a/acquire`: a path below /_mesh/v1, or a whole one below /_mesh/. */
  readonly line: string;
  readonly as?: Caller;
  readonly fields?: readonly string[];
  /** A text is sent as it is; everything else as JSON. */
  readonly body?: unknown;
  readonly status: number;
  readonly code: string;
  /** What `detail` must begin with: the field's name and a colon; absent where there is nothing to name. */
  readonly names?: string;
  /** What `Allow` must say. */
  readonly allow?: string;
}

export interface Problem {
  readonly type?: unknown;
  readonly title?: unknown;
  readonly status?: unknown;
  readonly detail?: unknown;
  readonly instance?: unknown;
  readonly code?: unknown;
}

export interface Refusal {
  readonly answer: RawAnswer;
  readonly problem: Problem;
}

export class ApiCaller {
  readonly #port: number;
  readonly #authorization: ReadonlyMap<string, readonly string[]>;

  constructor(port: number, tokens: { readonly admin: string; readonly reader: string }) {
    this.#port = port;
    this.#authorization = new Map([
      ["admin", [`Authorization: Bearer ${tokens.admin}`]],
      ["reader", [`Authorization: Bearer ${tokens.reader}`]],
      ["nobody", []],
    ]);
  }

  async ask(call: Pick<RefusedCall, "line" | "as" | "fields" | "body">): Promise<RawAnswer> {
    const { line, as = "admin", fields = [], body } = call;
    const [method = "", path = ""] = line.split(/ (.*)/s);
    const target = path.startsWith("/_mesh") || path.startsWith("/%") ? path : `/_mesh/v1${path}`;
    const text = latin1Of(body);
    const isFramed = fields.some((field) => /^(?:content-length|transfer-encoding):/i.test(field));
    const length = text === "" || isFramed ? [] : [`Content-Length: ${text.length}`];
    const credentials = typeof as === "string" ? (this.#authorization.get(as) ?? []) : as.fields;
    return sendRaw(this.#port, rawRequest(`${method} ${target}`, [...credentials, ...fields, ...length], text));
  }

  async refused(call: RefusedCall): Promise<Refusal> {
    const answer = await this.ask(call);
    const isProblem = fieldOf(answer, "content-type") === "application/problem+json";
    return { answer, problem: isProblem && answer.body !== "" ? (JSON.parse(answer.body) as Problem) : {} };
  }

  async json(path: string): Promise<unknown> {
    return JSON.parse((await this.ask({ line: `GET ${path}` })).body);
  }
}

export function fieldOf(answer: RawAnswer, name: string): string | undefined {
  return answer.fields.find(([field]) => field === name)?.[1];
}

/** The socket writes latin1: one character is one byte. */
function latin1Of(body: unknown): string {
  if (body === undefined) return "";
  return typeof body === "string" ? body : Buffer.from(JSON.stringify(body)).toString("latin1");
}
