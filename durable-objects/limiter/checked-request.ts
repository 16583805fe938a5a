/** The bounds of what a Limiter takes. Its callers are edges of this mesh: whatever breaks a bound is a bug there, and thrown. */
import {
  maxBudgetBytes,
  maxCharges,
  maxTokens,
  type ChargeRequest,
  type GiveBackRequest,
  type Rule,
} from "./contract.ts";

const longestRequestId = 128;

export function checkCharge(request: ChargeRequest): void {
  checkHead("charge", request);
  checkRule("charge", request.rule);
  const { charges } = request;
  if (charges.length < 1 || charges.length > maxCharges) {
    throw new Error(`cannot charge: expected 1 to ${maxCharges} charges: received ${charges.length}`);
  }
  for (const { budget, cost, lease } of charges) {
    checkBudget("charge", budget);
    checkTokens("charge", cost);
    checkTokens("charge", lease);
  }
}

export function checkGiveBack(request: GiveBackRequest): void {
  checkHead("give back", request);
  if (request.returns.length > maxCharges) {
    throw new Error(`cannot give back: expected at most ${maxCharges} returns: received ${request.returns.length}`);
  }
  for (const { tokens } of request.returns) checkTokens("give back", tokens);
}

export function checkPeek(request: { readonly v: 1; readonly rule: Rule; readonly budget: string }): void {
  checkVersion("peek", request.v);
  checkRule("peek", request.rule);
  checkBudget("peek", request.budget);
}

function checkHead(verb: string, request: { readonly v: number; readonly requestId: string }): void {
  checkVersion(verb, request.v);
  const { length } = request.requestId;
  if (length < 1 || length > longestRequestId) {
    throw new Error(`cannot ${verb}: expected a request id of 1 to ${longestRequestId} characters: received ${length}`);
  }
}

function checkVersion(verb: string, v: number): void {
  if (v !== 1) throw new Error(`cannot ${verb}: expected a message of version 1: received ${v}`);
}

function checkRule(verb: string, rule: Rule): void {
  if (!isWhole(rule.version, 0) || !isWhole(rule.quota, 0) || !isWhole(rule.windowMs, 1)) {
    throw new Error(
      `cannot ${verb}: expected whole numbers in the rule: received ${rule.version}, ${rule.quota}, ${rule.windowMs}`,
    );
  }
}

/** UTF-16 code units stand in for bytes here: the edge counts bytes, the object only needs a bound. */
function checkBudget(verb: string, budget: string): void {
  if (budget.length < 1 || budget.length > maxBudgetBytes) {
    throw new Error(
      `cannot ${verb}: expected a budget of 1 to ${maxBudgetBytes} bytes: received ${budget.length} characters`,
    );
  }
}

function checkTokens(verb: string, tokens: number): void {
  if (!isWhole(tokens, 0) || tokens > maxTokens) {
    throw new Error(`cannot ${verb}: expected whole tokens from 0 to ${maxTokens}: received ${tokens}`);
  }
}

function isWhole(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}
