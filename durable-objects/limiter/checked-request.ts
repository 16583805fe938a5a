/** The bounds of what a Limiter takes. Its callers are edges of this mesh: whatever breaks a bound is a bug there, and thrown. */
import {
  maxBudgetBytes,
  maxTokens,
  maxWaitMs,
  type BudgetRequest,
  type ChargeRequest,
  type Counts,
  type GiveBackRequest,
  type HoldRequest,
  type ReserveRequest,
  type Rule,
  type SettleRequest,
} from "./contract.ts";

const longestId = 128;
const shortestTtlMs = 1_000;
const longestTtlMs = 86_400_000;

export function checkCharge(request: ChargeRequest): void {
  const { requestId, cost, demand, lease, paced, nth, window, waitMs, counts } = request;
  checkBudgetRequest("charge", request);
  checkId("charge", requestId);
  checkWhole("charge", { cost }, 0, maxTokens);
  checkWhole("charge", { demand }, cost);
  checkWhole("charge", { lease, paced, window }, 0);
  checkWhole("charge", { nth }, 1);
  checkWhole("charge", { waitMs }, 0, maxWaitMs);
  checkCounts("charge", counts);
}

export function checkGiveBack({ v, requestId, budget, returned, counts }: GiveBackRequest): void {
  checkVersion("give back", v);
  checkId("give back", requestId);
  checkBudget("give back", budget);
  checkWhole("give back", { returned }, 0);
  checkCounts("give back", counts);
}

export function checkHold(request: HoldRequest): void {
  const { holder, inUse, wanted, turn, counts } = request;
  checkBudgetRequest("hold", request);
  checkId("hold", holder);
  checkWhole("hold", { inUse }, 0, maxTokens);
  checkWhole("hold", { wanted }, inUse, maxTokens);
  checkWhole("hold", { turn }, 1);
  checkCounts("hold", counts);
}

export function checkReserve(request: ReserveRequest): void {
  const { reservation, cost, ttlMs } = request;
  checkBudgetRequest("reserve", request);
  checkId("reserve", reservation);
  checkWhole("reserve", { cost }, 0, maxTokens);
  checkWhole("reserve", { ttlMs }, shortestTtlMs, longestTtlMs);
}

export function checkSettle(request: SettleRequest): void {
  const { reservation, cost } = request;
  checkBudgetRequest("settle", request);
  checkId("settle", reservation);
  checkWhole("settle", { cost }, 0, maxTokens);
}

export function checkBudgetRequest(verb: string, { v, rule, budget }: BudgetRequest): void {
  checkVersion(verb, v);
  checkRule(verb, rule);
  checkBudget(verb, budget);
}

function checkVersion(verb: string, v: number): void {
  if (v !== 1) throw new Error(`cannot ${verb}: expected a message of version 1: received ${v}`);
}

function checkRule(verb: string, { quota, windowMs, burst }: Rule): void {
  checkWhole(verb, { quota }, 0);
  checkWhole(verb, { windowMs }, 1);
  checkWhole(verb, { burst }, 0);
}

function checkId(verb: string, { length }: string): void {
  if (length < 1 || length > longestId) {
    throw new Error(`cannot ${verb}: expected an id of 1 to ${longestId} characters: received ${length}`);
  }
}

/** UTF-16 code units stand in for bytes here: the edge counts bytes, the object only needs a bound. */
function checkBudget(verb: string, { length }: string): void {
  if (length < 1 || length > maxBudgetBytes) {
    throw new Error(`cannot ${verb}: expected a budget of 1 to ${maxBudgetBytes} bytes: received ${length} characters`);
  }
}

function checkCounts(verb: string, counts: Counts | undefined): void {
  if (counts !== undefined) checkWhole(verb, { ...counts }, 0);
}

function checkWhole(verb: string, values: Readonly<Record<string, number>>, least: number, most = Infinity): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    throw new Error(
      `cannot ${verb}: expected ${name} to be a whole number from ${least} to ${most}: received ${value}`,
    );
  }
}
