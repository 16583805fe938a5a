/**
 * The demo's service: a small inventory of parts, such as many meshes stand in front of. Reads of one part are slow and
 * may be cached; `GET /stock` counts how many of them reached this service, so that a hit can be seen; and `GET /me` says
 * who asks, as the mesh has told it.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseList } from "structured-headers";
import { isPartId, type Part, readChange, readPart } from "./part.ts";
import type { PartsFile } from "./parts-file.ts";
import { Answered, type Reply, readJson, replyTo, send } from "./reply.ts";

/** What a read of one part takes here: a query to a busy database, say. */
const readMs = 200;

type Handler = (request: IncomingMessage, id: string) => Promise<Reply> | Reply;

export function createInventory(parts: PartsFile): Server {
  const handlers = handlersOf(parts);
  return createServer((request, response) => {
    answer(handlers, request).then(
      (reply) => send(request, response, reply),
      (error: unknown) => send(request, response, replyTo(error)),
    );
  });
}

async function answer(handlers: Readonly<Record<string, Handler>>, request: IncomingMessage): Promise<Reply> {
  const { pathname } = new URL(request.url ?? "/", "http://inventory");
  const id = /^\/parts\/([^/]+)$/.exec(pathname)?.[1];
  if (id !== undefined && !isPartId(id)) throw new Answered(400, "id: expected [a-z0-9][a-z0-9-]{0,31}");
  const path = id === undefined ? pathname : "/parts/:id";
  const handler = handlers[`${request.method === "HEAD" ? "GET" : request.method} ${path}`];
  if (handler !== undefined) return handler(request, id ?? "");
  const allowed = Object.keys(handlers).flatMap((key) =>
    key.endsWith(` ${path}`) ? [key.slice(0, key.indexOf(" "))] : [],
  );
  if (allowed.length === 0) throw new Answered(404, "there is only /parts, /parts/ID, /stock and /me");
  throw new Answered(405, `expected ${allowed.join(", ")}`, { Allow: allowed.join(", ") });
}

function handlersOf(parts: PartsFile): Readonly<Record<string, Handler>> {
  const counts = { reads: 0, writes: 0 };

  const found = (id: string): Part => {
    const part = parts.get(id);
    if (part === undefined) throw new Answered(404, `there is no part ${id}`);
    return part;
  };
  const saved = (part: Part, status: number): Reply => {
    counts.writes += 1;
    parts.put(part);
    const location = status === 201 ? { Location: `/parts/${part.id}` } : {};
    return { status, body: part, headers: { ETag: tagOf(part), ...location } };
  };

  return {
    "GET /stock": () => ({ status: 200, body: counts, headers: { "Cache-Control": "no-store" } }),

    "GET /me": ({ headers }) => ({
      status: 200,
      body: { subject: headers["mesh-subject"] ?? null, roles: rolesIn(headers["mesh-roles"]) },
      headers: { "Cache-Control": "no-store" },
    }),

    "GET /parts": () => ({
      status: 200,
      body: { parts: parts.all() },
      headers: { "Cache-Control": "no-cache", "Cache-Tag": "parts" },
    }),

    "POST /parts": async (request) => {
      const fields = accepted(readPart(await readJson(request)));
      return saved({ id: parts.nextId(), ...fields }, 201);
    },

    "GET /parts/:id": async (request, id) => {
      counts.reads += 1;
      await sleep(readMs);
      const part = found(id);
      const headers = { "Cache-Control": "public, max-age=60", "Cache-Tag": `parts, part-${id}`, ETag: tagOf(part) };
      const isUnchanged = listed(request.headers["if-none-match"], tagOf(part));
      return isUnchanged ? { status: 304, headers } : { status: 200, body: part, headers };
    },

    "PUT /parts/:id": async (request, id) => {
      const fields = accepted(readPart(await readJson(request)));
      refuseIfChanged(request, parts.get(id));
      return saved({ id, ...fields }, parts.get(id) === undefined ? 201 : 200);
    },

    "PATCH /parts/:id": async (request, id) => {
      const change = accepted(readChange(await readJson(request)));
      const before = found(id);
      refuseIfChanged(request, before);
      return saved({ ...before, ...change }, 200);
    },

    "DELETE /parts/:id": (request, id) => {
      refuseIfChanged(request, found(id));
      counts.writes += 1;
      parts.remove(id);
      return { status: 204 };
    },
  };
}

/** A list of strings (RFC 9651): nobody's word but the mesh's, because the gate lets no other of this name through. */
function rolesIn(field: string | string[] | undefined): unknown[] {
  return parseList([field ?? ""].flat().join(", ")).map(([role]): unknown => role);
}

function accepted<Value>(read: { kind: "read"; value: Value } | { kind: "mistake"; detail: string }): Value {
  if (read.kind === "mistake") throw new Answered(400, read.detail);
  return read.value;
}

/** A write that names the version it was made for (RFC 9110, section 13.1.1) does not overwrite another. */
function refuseIfChanged(request: IncomingMessage, before: Part | undefined): void {
  const wanted = request.headers["if-match"];
  if (wanted === undefined) return;
  if (before === undefined || !listed(wanted, tagOf(before))) throw new Answered(412, "the part has changed meanwhile");
}

function listed(field: string | undefined, tag: string): boolean {
  if (field === undefined) return false;
  return field.split(",").some((item) => ["*", tag].includes(item.trim().replace(/^W\//, "")));
}

function tagOf(part: Part): string {
  return `"${createHash("sha256").update(JSON.stringify(part)).digest("base64url").slice(0, 16)}"`;
}
