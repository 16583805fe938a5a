/** The tour's show of a login: got at one edge, good at the next, ended at the third, and nowhere good from then on. */
import type { Standing } from "./behind.ts";
import type { LocalMesh } from "./mesh.ts";
import { type Found, urlAt } from "./show.ts";
import type { ShownRequest } from "./shown-request.ts";

const password = "shuttle";

/** What the tourist looks at, and what for: at the demo's own word, or at a list that every mesh has. */
const looks = {
  demo: { path: "/me", account: { password, roles: ["visitor"] } },
  mesh: { path: "/_mesh/v1/limits", account: { password, scopes: ["mesh:read"] } },
} as const;

/** The account is nobody's but this start's, and the last line removes it. */
export function loginToShow(mesh: LocalMesh, behind: Standing["kind"], start: string): Found {
  if (mesh.configuration.accounts.service !== null)
    return { kind: "none", why: "a login: the accounts are those of a service" };
  const { path, account } = behind === "demo" && isReadAt(mesh, looks.demo.path) ? looks.demo : looks.mesh;
  const at = (edge: number, asked: string) => `${urlAt(mesh, edge)}${asked}`;
  const tourist = { name: `tourist-${start}`, password };
  const url = at(0, `/_mesh/v1/accounts/${tourist.name}`);
  const requests: readonly ShownRequest[] = [
    { method: "PUT", url, json: account, bearer: "TOKEN" },
    { method: "POST", url: at(0, "/_mesh/v1/auth/token"), login: tourist, keeps: "TOURIST" },
    { url: at(1, path), bearer: "TOURIST" },
    { method: "DELETE", url: at(2, "/_mesh/v1/auth/token?ack=everywhere"), bearer: "TOURIST" },
    { url: at(0, path), bearer: "TOURIST" },
    { method: "DELETE", url, bearer: "TOKEN" },
  ];
  const title = "one login: got at one edge, good at the next, and good nowhere when its end is answered";
  return { kind: "show", show: { title, requests } };
}

/** Whether the gate looks who asks for this path, and lets everyone through who is somebody. */
function isReadAt({ configuration: { routes } }: LocalMesh, path: string): boolean {
  const route = routes.find(
    ({ host, methods, path: pattern }) =>
      host === null && (methods === null || methods.has("GET")) && pattern.match(path) !== null,
  );
  return route !== undefined && route.identity.need !== "none" && route.allow === null;
}
