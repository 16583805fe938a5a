/**
 * What one isolate knows of faults, and what it does to a call.
 *
 * Plain JavaScript, typed by comments: it is handed to the Workers runtime as it is.
 *
 * @typedef {import("./rule.ts").Call} Call
 * @typedef {import("./rule.ts").FaultAction} FaultAction
 */
import { arm, strike } from "./rules.mjs";

export const controlPath = "/_mesh/local/faults";
export const secretHeader = "mesh-local-secret";

/** @type {import("./rules.mjs").ArmedRule[]} */
let rules = [];
/** @type {Map<string, number>} */
let calls = new Map();
/** @type {import("./rule.ts").Latency} */
let latency = {};

/** @param {import("./rule.ts").Latency} latencyMs */
export function latencyIs(latencyMs) {
  latency = latencyMs;
}

/**
 * Makes a call as the rules will have it. Without rules it is made at once, in the caller's own step.
 *
 * @param {Call} call
 * @param {() => unknown} run
 * @param {() => unknown} lost what a lost request looks like from here; by default the connection breaks
 */
export async function intercept(call, run, lost = breakConnection) {
  const key = `${call.lane}>${call.className}.${call.method}`;
  calls.set(key, (calls.get(key) ?? 0) + 1);
  const latencyMs = latency[call.lane] ?? 0;
  if (rules.length === 0 && latencyMs === 0) return run();
  const actions = strike(rules, call, Math.random);
  await sleep(latencyMs + delayOf(actions));
  const last = actions.find(({ kind }) => kind !== "delay");
  const answer = await perform(last, run, lost);
  await sleep(latencyMs);
  return answer;
}

/**
 * @param {FaultAction | undefined} action
 * @param {() => unknown} run
 * @param {() => unknown} lost
 */
async function perform(action, run, lost) {
  switch (action?.kind) {
    case undefined:
    case "delay":
      return run();
    case "error":
      throw Object.assign(new Error("fault: the object threw"), { remote: true });
    case "lose_request":
      return lost();
    case "lose_reply":
      await run();
      return breakConnection();
    case "double": {
      // Both arrive; whatever becomes of the second, the caller has the first's answer.
      const [first] = await Promise.allSettled([run(), run()]);
      if (first.status === "rejected") throw first.reason;
      return first.value;
    }
    case "hang":
      await sleep(action.ms);
      return breakConnection();
  }
}

/** As the runtime says it when a connection to an object breaks. */
function breakConnection() {
  throw Object.assign(new Error("Network connection lost."), { retryable: true });
}

/** @param {readonly FaultAction[]} actions */
function delayOf(actions) {
  let ms = 0;
  for (const action of actions) {
    if (action.kind === "delay") ms += action.ms + Math.random() * (action.jitterMs ?? 0);
  }
  return ms;
}

/** @param {number} ms */
async function sleep(ms) {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * `PUT` a list of faults in place of the present ones, `GET` the report, `DELETE` faults and counts.
 *
 * @param {Request} request
 */
export async function control(request) {
  if (request.method === "PUT") {
    try {
      rules = arm(await request.json());
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 400 });
    }
  } else if (request.method === "DELETE") {
    rules = [];
    calls = new Map();
  } else if (request.method !== "GET") {
    return Response.json({ error: "expected GET, PUT or DELETE" }, { status: 405 });
  }
  return Response.json({ rules, calls: Object.fromEntries(calls) });
}
