import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Demo, startDemo } from "../../local/demo/start-demo.ts";

let folder: string;
let demo: Demo;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-inventory-"));
  demo = await startDemo(folder);
});

afterEach(() => {
  demo.stop();
  rmSync(folder, { recursive: true });
});

function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const json = { "Content-Type": "application/json", ...headers };
  return fetch(`${demo.url}${path}`, { method, headers: json, body: body === undefined ? null : JSON.stringify(body) });
}

const loom = { name: "Loom", stock: 1, shelf: "D1" };

describe("the demo's inventory", () => {
  it("reads of one part may be cached, carry a tag, and are counted", async () => {
    const first = await fetch(`${demo.url}/parts/1`);
    expect(first.status).toBe(200);
    expect(first.headers.get("Cache-Control")).toBe("public, max-age=60");
    expect(first.headers.get("Cache-Tag")).toBe("parts, part-1");
    const again = await fetch(`${demo.url}/parts/1`, {
      headers: { "If-None-Match": String(first.headers.get("ETag")) },
    });
    expect(again.status).toBe(304);
    expect(await (await fetch(`${demo.url}/stock`)).json()).toEqual({ reads: 2, writes: 0 });
  });

  it("says who asks, as the mesh has told it", async () => {
    const told = { "Mesh-Subject": "ada", "Mesh-Roles": '"editor", "a, \\"b\\""' };
    expect(await (await send("GET", "/me", undefined, told)).json()).toEqual({
      subject: "ada",
      roles: ["editor", 'a, "b"'],
    });
    expect(await (await fetch(`${demo.url}/me`)).json()).toEqual({ subject: null, roles: [] });
  });

  it("keeps what was written when it is started again", async () => {
    const made = await send("POST", "/parts", loom);
    expect(made.status).toBe(201);
    expect(made.headers.get("Location")).toBe("/parts/6");
    expect((await send("PATCH", "/parts/6", { stock: 2 })).status).toBe(200);
    expect((await send("DELETE", "/parts/1")).status).toBe(204);
    demo.stop();
    demo = await startDemo(folder);
    expect(await (await fetch(`${demo.url}/parts/6`)).json()).toEqual({ id: "6", ...loom, stock: 2 });
    expect((await fetch(`${demo.url}/parts/1`)).status).toBe(404);
  });

  it("refuses a write that was made for another version", async () => {
    const before = await fetch(`${demo.url}/parts/2`);
    const tag = { "If-Match": String(before.headers.get("ETag")) };
    expect((await send("PATCH", "/parts/2", { stock: 9 }, tag)).status).toBe(200);
    expect((await send("PATCH", "/parts/2", { stock: 8 }, tag)).status).toBe(412);
  });

  it("says what is wrong with a request, as JSON, and does nothing", async () => {
    const refused: readonly (readonly [number, string, string, unknown])[] = [
      [400, "PUT", "/parts/1", { ...loom, stock: -1 }],
      [400, "PUT", "/parts/1", { name: "Loom" }],
      [400, "PATCH", "/parts/1", { colour: "red" }],
      [400, "PATCH", "/parts/1", [1]],
      [400, "PATCH", "/parts/A%20B", { stock: 1 }],
      [404, "PATCH", "/parts/99", { stock: 1 }],
      [404, "PUT", "/shelves/1", loom],
      [405, "DELETE", "/parts", undefined],
      [413, "POST", "/parts", { ...loom, name: "x".repeat(70_000) }],
    ];
    for (const [status, method, path, body] of refused) {
      const response = await send(method, path, body);
      expect(response.status, `${method} ${path}`).toBe(status);
      expect(((await response.json()) as { readonly error: string }).error).not.toBe("");
    }
    const form = await fetch(`${demo.url}/parts`, { method: "POST", body: new URLSearchParams({ name: "Loom" }) });
    expect(form.status).toBe(415);
    expect(await (await fetch(`${demo.url}/stock`)).json()).toEqual({ reads: 0, writes: 0 });
  });
});
