/** One logout at an edge where every text that begins with `good` is somebody's token, and names itself. */
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import { compile } from "../../workers/config/compile.ts";
import type { Cors } from "../../workers/config/mesh.ts";
import type { Isolate } from "../../workers/isolate.ts";
import { createReserved } from "../../workers/reserved.ts";
import { withTop } from "../support/configurations.ts";

export const site = "https://mesh.example";
/** Another site's page, and the rule that lists it with credentials. */
export const app = "https://app.example";
export const listed: Cors = {
  origins: new Set([app]),
  credentials: true,
  methods: null,
  headers: null,
  exposed: [],
  maxAgeSeconds: 600,
};
const mesh = compile(withTop({}));
const { issuer } = mesh.tokens;

interface LogoutWorld {
  /** Every region says so at once. */
  readonly acknowledged: boolean;
  /** What the path's route says. */
  readonly cors: Cors | null;
  /** Tokens that were ended before. */
  readonly ended: ReadonlySet<string>;
}

function isolateOf({ acknowledged, ended: before }: LogoutWorld, ended: unknown[]): Isolate {
  return {
    mesh,
    tokens: {
      verify: async (token: string) =>
        token.startsWith("good") && !before.has(token)
          ? { kind: "accepted", identity: { issuer, subject: token, claims: { jti: token }, expiresAt: 1 } }
          : { kind: "refused", code: token.startsWith("old") ? "token_expired" : "token_revoked" },
    },
    publisher: {
      publish: async (_context: unknown, { id, data }: NewEvent) => {
        ended.push((data as { readonly jti?: string }).jti);
        return { kind: "published", id, seq: ended.length, acknowledged, receipts: [] };
      },
    },
  } as unknown as Isolate;
}

export async function logOut(
  headers: Readonly<Record<string, string>>,
  { acknowledged = true, cors = null, ended: before = new Set<string>() }: Partial<LogoutWorld> = {},
) {
  const ended: unknown[] = [];
  const isolate = isolateOf({ acknowledged, cors, ended: before }, ended);
  const request = new Request(`${site}/_mesh/v1/auth/logout`, { method: "POST", headers });
  const context = { waitUntil: () => undefined } as unknown as ExecutionContext;
  const answer = await createReserved().fetch(request, isolate, "a-request", context, cors);
  const isCleared = answer.headers.get("set-cookie")?.startsWith("__Host-mesh=; Max-Age=0;") ?? false;
  return { status: answer.status, ended, isCleared };
}
