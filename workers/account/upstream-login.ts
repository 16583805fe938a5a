/**
 * One login call to a service: 2xx is right, 401 and 403 are wrong, and every other answer says that the service cannot
 * tell. Redirects are not followed: where they lead nobody has configured.
 */
import type { ServiceLogin } from "../config/mesh.ts";

export type UpstreamLogin =
  | { readonly kind: "right"; readonly answer: unknown }
  | { readonly kind: "wrong" }
  /** `wasAnswered`: there was an answer, and it was none of these. */
  | { readonly kind: "failed"; readonly reason: string; readonly wasAnswered: boolean };

export interface Typed {
  readonly name: string;
  readonly password: string;
  /** For the service's own guard. */
  readonly address: string | null;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Bytes of an answer that are read. */
const longestAnswer = 65_536;
/** No cache of the platform's stands between: a right password is not right for ever. */
const pastPlatformCache = { cacheTtl: -1, cacheLevel: "bypass" } as const;

/** `proof` shows the service that it is the mesh; null where it wants none. */
export async function upstreamLogin(
  typed: Typed,
  login: ServiceLogin,
  {
    origin,
    proof,
    fetch,
  }: { readonly origin: string; readonly proof: readonly [string, string] | null; readonly fetch: Fetch },
): Promise<UpstreamLogin> {
  const asked = requestOf(typed, login);
  // Basic credentials end a name at its first colon (RFC 7617 section 2).
  if (asked === null) return { kind: "wrong" };
  const headers: Record<string, string> = { Accept: "application/json", ...asked.headers };
  if (typed.address !== null) headers["Mesh-Client-Address"] = typed.address;
  if (typed.address !== null) headers["X-Forwarded-For"] = typed.address;
  if (proof !== null) headers[proof[0]] = proof[1];
  let wasAnswered = false;
  try {
    const answer = await fetch(origin + login.path, {
      method: login.method,
      headers,
      body: asked.body,
      redirect: "manual",
      signal: AbortSignal.timeout(login.timeoutMs),
      cf: pastPlatformCache,
    });
    wasAnswered = true;
    return await readAnswer(answer, login);
  } catch (error) {
    return { kind: "failed", reason: reasonOf(error, wasAnswered, login.timeoutMs), wasAnswered };
  }
}

/** The platform's own words may hold an address; its names for what a network does say nothing. */
function reasonOf(error: unknown, wasAnswered: boolean, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `timeout: no whole answer in ${timeoutMs} ms`;
  return wasAnswered ? "network: the answer broke off" : "network: no connection, or no answer";
}

function requestOf(
  { name, password }: Typed,
  { send }: ServiceLogin,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string | null } | null {
  switch (send.kind) {
    case "basic":
      if (name.includes(":")) return null;
      return { headers: { Authorization: `Basic ${base64(`${name}:${password}`)}` }, body: null };
    case "form": {
      const body = new URLSearchParams([
        [send.nameField, name],
        [send.passwordField, password],
      ]).toString();
      return { headers: { "Content-Type": "application/x-www-form-urlencoded" }, body };
    }
    case "json": {
      const body = JSON.stringify({ [send.nameField]: name, [send.passwordField]: password });
      return { headers: { "Content-Type": "application/json" }, body };
    }
  }
}

async function readAnswer(answer: Response, { isRead }: ServiceLogin): Promise<UpstreamLogin> {
  const { status } = answer;
  if (status === 401 || status === 403 || status < 200 || status > 299 || !isRead) await answer.body?.cancel();
  if (status === 401 || status === 403) return { kind: "wrong" };
  if (status < 200 || status > 299) return { kind: "failed", reason: `status ${status}`, wasAnswered: true };
  if (!isRead) return { kind: "right", answer: null };
  const text = await textOf(answer);
  if (text === null) return { kind: "failed", reason: "answer too long or not UTF-8", wasAnswered: true };
  try {
    return { kind: "right", answer: JSON.parse(text) };
  } catch {
    // Who is asked for roles and says something else cannot tell them.
    return { kind: "failed", reason: "answer not JSON", wasAnswered: true };
  }
}

async function textOf(answer: Response): Promise<string | null> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  let length = 0;
  if (answer.body === null) return text;
  try {
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      length += chunk.byteLength;
      if (length > longestAnswer) return null;
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) return null; // Not UTF-8.
    throw error;
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
