/**
 * `PUT` and `DELETE /limits/{name}`: live changes, each an event of its own. A change says all that differs from the
 * file, so the newest one holds and those before it are nothing any more. It survives deploys.
 */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import type { LimitChange } from "../../durable-objects/limiter/contract.ts";
import type { Limit } from "../config/mesh.ts";
import type { Isolate } from "../isolate.ts";
import { changeInForce } from "../limit/rules-in-force.ts";
import type { LimitInForce } from "../limit/taken.ts";
import type { Identity } from "../token/identity.ts";
import { readBody, readQuery } from "./body.ts";
import type { ApiEnv } from "./call.ts";
import { acknowledgement } from "./fields.ts";
import { find, mayDo } from "./limit-asking.ts";
import { changeBody, checkedChange } from "./limit-change-body.ts";
import { changeInLog } from "./limit-log.ts";
import { publishedAnswer } from "./published.ts";
import { refused } from "./refused.ts";

type Acknowledgement = v.InferOutput<typeof changeQuery>;
const changeQuery = v.strictObject(acknowledgement);

export function limitChanges(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();

  api.put("/:name", mayDo, async (c) => {
    const asked = readQuery(c.req.url, changeQuery);
    const body = await readBody(c.req.raw, changeBody);
    const filed = fileLimit(c, c.req.param("name"));
    const now = Date.now();
    const change = checkedChange(filed, body, now);
    return publish(c, { limit: filed.name, ...change, by: callerOf(c.var.identity), since: now }, asked);
  });

  api.delete("/:name", mayDo, async (c) => {
    const asked = readQuery(c.req.url, changeQuery);
    const { isolate, identity } = c.var;
    await isolate.limits.current(c.executionCtx);
    const limit = find(isolate, c.req.param("name"));
    if (!(await isChanged(isolate, limit))) {
      throw refused("not_found", "no live change of this limit is in force: the file's rule holds already");
    }
    return publish(c, { limit: limit.name, removed: true, by: callerOf(identity), since: Date.now() }, asked);
  });

  return api;
}

/**
 * A change that is known needs no asking: taking it back twice does no harm. `limit` is of this very moment: the Log is
 * asked for what came after the view's cursor of now.
 */
async function isChanged(isolate: Isolate, { name, version }: LimitInForce): Promise<boolean> {
  if (changeInForce(version, Date.now()) !== null) return true;
  return changeInForce(await changeInLog(isolate, name), Date.now()) !== null;
}

async function publish(
  c: Context<ApiEnv>,
  change: LimitChange,
  { ack, timeoutMs }: Acknowledgement,
): Promise<Response> {
  const event = { id: crypto.randomUUID(), type: "limit", retain: `limit/${change.limit}`, data: change };
  const published = await c.var.isolate.publisher.publish(c.executionCtx, event, ack, timeoutMs);
  if (published.kind === "outcome_unknown") {
    throw refused("outcome_unknown", "the change was sent and no answer came: look at the limit, or send it again");
  }
  const { body, status } = publishedAnswer(published, ack !== "none");
  return c.json(body, status);
}

function fileLimit(c: Context<ApiEnv>, name: string): Limit {
  const limit = c.var.isolate.mesh.limits.get(name);
  if (limit === undefined) throw refused("not_found", "there is no limit of this name");
  return limit;
}

/** Who is accountable: the program, or the person where no program is named. */
function callerOf({ client, subject }: Identity): string {
  return client ?? subject;
}
