/**
 * Which faults strike a call. Pure but for the counters of the rules themselves.
 *
 * Plain JavaScript, typed by comments: it is handed to the Workers runtime as it is.
 *
 * @typedef {import("./rule.ts").Call} Call
 * @typedef {import("./rule.ts").Fault} Fault
 * @typedef {import("./rule.ts").FaultAction} FaultAction
 * @typedef {import("./rule.ts").FaultRule} FaultRule
 */

/** @typedef {FaultRule & { id: string, hits: number }} ArmedRule */

const lanes = ["fetch", "queue", "scheduled", "object"];
const kinds = ["delay", "error", "lose_request", "lose_reply", "double", "hang"];
const ruleFields = ["id", "lane", "from", "to", "method", "action", "probability", "times"];
const cutFields = ["id", "cut", "what", "action"];
const cuts = ["pushes", "wholly"];

/**
 * Makes a list of faults ready, or throws with what is wrong in it: a misspelt rule that never strikes would make a
 * test pass.
 *
 * @param {unknown} faults
 * @returns {ArmedRule[]}
 */
export function arm(faults) {
  if (!Array.isArray(faults)) throw new TypeError("faults: expected a list");
  return faults.flatMap((fault, index) => {
    const known = checked(fault, `faults[${index}]`);
    const id = known.id ?? String(index);
    const rules = "cut" in known ? rulesOfCut(known) : [known];
    return rules.map((rule) => ({ ...rule, id, hits: 0 }));
  });
}

/**
 * The actions that strike this call, in the order of the rules. Counts the hits.
 *
 * @param {readonly ArmedRule[]} rules
 * @param {Call} call
 * @param {() => number} random from 0 to 1
 * @returns {FaultAction[]}
 */
export function strike(rules, call, random) {
  /** @type {FaultAction[]} */
  const actions = [];
  for (const rule of rules) {
    if (!concerns(rule, call)) continue;
    if (rule.times !== undefined && rule.hits >= rule.times) continue;
    if (rule.probability !== undefined && random() >= rule.probability) continue;
    rule.hits += 1;
    actions.push(rule.action);
  }
  return actions;
}

/**
 * @param {FaultRule} rule
 * @param {Call} call
 */
function concerns(rule, call) {
  if (rule.lane !== undefined && rule.lane !== call.lane) return false;
  if (rule.method !== undefined && rule.method !== call.method) return false;
  if (rule.to !== undefined && rule.to !== call.className && !call.name.includes(rule.to)) return false;
  return rule.from === undefined || call.from.includes(rule.from);
}

/**
 * @param {import("./rule.ts").Cut} cut
 * @returns {FaultRule[]}
 */
function rulesOfCut({ cut: region, what, action = { kind: "lose_request" } }) {
  const object = `/region/${region}`;
  if (what === "pushes") return [{ to: object, method: "apply", action }];
  return [
    { lane: "fetch", from: region, action },
    { lane: "object", from: object, action },
    { to: object, action },
  ];
}

/**
 * @param {unknown} fault
 * @param {string} path
 * @returns {Fault}
 */
function checked(fault, path) {
  if (typeof fault !== "object" || fault === null) throw new TypeError(`${path}: expected an object`);
  /** @type {Readonly<Record<string, unknown>>} */
  const rule = { ...fault };
  const isCut = "cut" in rule;
  const fields = isCut ? cutFields : ruleFields;
  for (const field of Object.keys(rule)) expectOneOf(fields, field, `${path}.${field}`);
  if (isCut) expectOneOf(cuts, rule.what, `${path}.what`);
  if (rule.lane !== undefined) expectOneOf(lanes, rule.lane, `${path}.lane`);
  if (!isCut || rule.action !== undefined) checkAction(rule.action, `${path}.action`);
  return /** @type {Fault} */ (fault);
}

/**
 * @param {unknown} action
 * @param {string} path
 */
function checkAction(action, path) {
  if (typeof action !== "object" || action === null) throw new TypeError(`${path}: expected an object`);
  /** @type {Readonly<Record<string, unknown>>} */
  const { kind, ms } = { ...action };
  expectOneOf(kinds, kind, `${path}.kind`);
  if (kind !== "delay" && kind !== "hang") return;
  if (typeof ms !== "number" || !(ms >= 0)) throw new TypeError(`${path}.ms: expected a number from 0`);
}

/**
 * @param {readonly string[]} names
 * @param {unknown} value
 * @param {string} path
 */
function expectOneOf(names, value, path) {
  if (typeof value !== "string" || !names.includes(value))
    throw new TypeError(`${path}: expected one of ${names.join(", ")}`);
}
