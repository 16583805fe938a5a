/** /_mesh/v1/signing-keys: the mesh's own keys, their rotation, and the removal of one that is lost or stolen. */
import { Hono } from "hono/tiny";
import type { KeyDescription, KeyringContract, KeyringProblem } from "../../durable-objects/keyring/contract.ts";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import type { Isolate } from "../isolate.ts";
import { wholeSeconds } from "../limit/rate-limit-fields.ts";
import { requireScope } from "./authorize.ts";
import { readQuery, readText } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { ackedByRegions, noQuery } from "./fields.ts";
import { askKeyring } from "./keyring-asking.ts";
import { publishDecided } from "./publish-owed.ts";
import { refused } from "./refused.ts";

/** RFC 7638: a SHA-256 thumbprint. */
const keyIdPattern = /^[A-Za-z0-9_-]{1,128}$/;

export function signingKeys(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  api.get("/", requireScope("mesh:read"), async (c) => {
    readQuery(c.req.url, noQuery);
    const { keys } = await decidedBy(c.var.isolate, (keyring) => keyring.describe());
    return c.json({ keys: keys.map(shown) });
  });
  api.post("/rotate", requireScope(), async (c) => {
    const { ack, timeoutMs } = readQuery(c.req.url, ackedByRegions);
    await expectNoBody(c.req.raw);
    const answer = await decidedBy(c.var.isolate, (keyring) => keyring.rotate());
    switch (answer.kind) {
      case "rotated":
        return published(
          c.var.isolate,
          c.executionCtx,
          answer.events,
          { ack, timeoutMs },
          { current: shown(answer.current) },
        );
      case "too_soon":
        throw refused("conflict", "the next key is not known everywhere yet", {
          headers: { "Retry-After": String(Math.max(1, wholeSeconds(answer.retryAfterMs))) },
        });
      case "shared_secret":
        throw refused(
          "conflict",
          "tokens are signed with a shared secret: set another one, and the old one as ..._PREVIOUS",
        );
      case "refused":
        throw unusable(answer.reason);
    }
  });
  api.delete("/:kid", requireScope(), async (c) => {
    const { ack, timeoutMs } = readQuery(c.req.url, ackedByRegions);
    const kid = c.req.param("kid");
    if (!keyIdPattern.test(kid)) throw refused("malformed_request", "kid: expected 1 to 128 of [A-Za-z0-9_-]");
    const answer = await decidedBy(c.var.isolate, (keyring) => keyring.remove({ v: 1, kid }));
    if (answer.kind === "unknown") throw refused("not_found", "there is no signing key of this id");
    if (answer.kind === "refused") throw unusable(answer.reason);
    return published(c.var.isolate, c.executionCtx, answer.events, { ack, timeoutMs }, { kid });
  });
  return api;
}

async function published(
  isolate: Isolate,
  context: Pick<ExecutionContext, "waitUntil">,
  events: readonly NewEvent[],
  how: { readonly ack: "none" | "regions" | "everywhere"; readonly timeoutMs: number },
  what: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const answer = await publishDecided(isolate, context, events, how);
  return Response.json({ ...what, ...answer.body }, { status: answer.status });
}

async function decidedBy<Answer>(
  isolate: Isolate,
  ask: (keyring: KeyringContract) => Promise<Answer>,
): Promise<Answer> {
  const answer = await askKeyring(isolate, ask);
  if (answer !== null) return answer;
  throw refused("outcome_unknown", "the Keyring gave no answer: GET /_mesh/v1/signing-keys tells what holds");
}

async function expectNoBody(request: Request): Promise<void> {
  if ((await readText(request)) !== "") throw refused("malformed_request", "body: expected none");
}

/** The operator's to mend: the Keyring's log says how. */
function unusable(reason: KeyringProblem): Error {
  return refused("overloaded", `the Keyring cannot sign: ${reason}`, { headers: { "Retry-After": "10" } });
}

function shown({ kid, purpose, algorithm, standing, madeAt, usedFrom, endsAt }: KeyDescription) {
  return {
    kid,
    purpose,
    algorithm,
    standing,
    madeAt: new Date(madeAt).toISOString(),
    ...(usedFrom === null ? {} : { usedFrom: new Date(usedFrom).toISOString() }),
    ...(endsAt === null ? {} : { endsAt: new Date(endsAt).toISOString() }),
  };
}
