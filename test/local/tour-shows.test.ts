/** Lines of the tour that somebody pastes, all or some of them and as slowly as people do, spoil nothing. */
import { expect, test } from "vitest";
import { keptMs } from "../../durable-objects/lock/mutex.ts";
import { lockShow } from "../../local/lock-show.ts";
import { loginToShow } from "../../local/login-show.ts";
import type { LocalMesh } from "../../local/mesh.ts";
import type { Show } from "../../local/show.ts";

/** As much of a mesh as these shows look at. */
const mesh = {
  edges: [{ url: "http://127.0.0.1:8787" }],
  configuration: { accounts: { service: null }, routes: [] },
} as unknown as LocalMesh;

/** What a person takes to paste three lines one by one. */
const pastingMs = 10_000;

function loginShow(start: string): Show {
  const found = loginToShow(mesh, "configured", start);
  if (found.kind === "none") throw new Error(`expected a show of a login: received ${found.why}`);
  return found.show;
}

const touched = ({ requests, after = [] }: Show): readonly string[] =>
  [...requests, ...after].filter(({ method = "GET" }) => method === "PUT" || method === "DELETE").map(({ url }) => url);

test("the account of one start is another than that of the next, and its last line removes it", () => {
  const { requests, after = [] } = loginShow("a1");
  expect(after).toEqual([]);
  const [made, removed] = [requests[0], requests.at(-1)];
  expect([made?.method, removed?.method]).toEqual(["PUT", "DELETE"]);
  expect(removed?.url).toBe(made?.url);
  expect(made?.url).toMatch(/\/accounts\/tourist-a1$/);
  const own = touched(loginShow("a1")).filter((url) => url.includes("/accounts/"));
  for (const url of touched(loginShow("a2"))) expect(own).not.toContain(url);
});

test("the lock of one start is another than that of the next", () => {
  const lockOf = (start: string) => lockShow(mesh, start).requests[0]?.url;
  expect(lockOf("a1")).not.toBe(lockOf("a2"));
});

test("the second line of the lock finds it held though it is pasted late, and the third waits until it is free", () => {
  const { requests } = lockShow(mesh, "a1");
  const [first, second, third] = requests.map(
    ({ json }) => json as { readonly ttlMs: number; readonly waitMs?: number },
  );
  expect(first?.ttlMs).toBeGreaterThan(pastingMs);
  expect(second?.ttlMs).toBe(first?.ttlMs);
  expect(third?.waitMs).toBeGreaterThan(keptMs(first?.ttlMs ?? Infinity));
});
