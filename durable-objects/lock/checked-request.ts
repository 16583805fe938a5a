/** The bounds of what a Lock takes. Its callers are edges of this mesh: whatever breaks a bound is a bug there, and thrown. */
import {
  longestText,
  longestTtlMs,
  longestWaitMs,
  shortestTtlMs,
  type AcquireRequest,
  type LeaveRequest,
  type ReleaseRequest,
  type RenewRequest,
} from "./contract.ts";

const mostListed = 1_000;

export function checkAcquire(request: AcquireRequest): void {
  checkLock("acquire", request);
  checkText("acquire", "holder", request.holder);
  checkText("acquire", "requestId", request.requestId);
  checkWhole("acquire", "ttlMs", request.ttlMs, shortestTtlMs, longestTtlMs);
  checkWhole("acquire", "waitMs", request.waitMs, 0, longestWaitMs);
  checkWhole("acquire", "atLeastMs", request.atLeastMs, 0, request.ttlMs);
}

export function checkRenew(request: RenewRequest): void {
  checkHold("renew", request);
  if (request.ttlMs !== undefined) checkWhole("renew", "ttlMs", request.ttlMs, shortestTtlMs, longestTtlMs);
}

export function checkRelease(request: ReleaseRequest): void {
  checkHold("release", request);
}

export function checkLeave(request: LeaveRequest): void {
  checkLock("leave", request);
  checkText("leave", "requestId", request.requestId);
}

export function checkLook(request: { readonly v: number; readonly lock: string }): void {
  checkLock("look", request);
}

export function checkList(request: { readonly v: number; readonly limit: number }): void {
  checkVersion("list", request.v);
  checkWhole("list", "limit", request.limit, 1, mostListed);
}

function checkHold(verb: string, request: ReleaseRequest): void {
  checkLock(verb, request);
  checkText(verb, "holder", request.holder);
  checkWhole(verb, "token", request.token, 0, Number.MAX_SAFE_INTEGER);
}

function checkLock(verb: string, request: { readonly v: number; readonly lock: string }): void {
  checkVersion(verb, request.v);
  checkText(verb, "lock", request.lock);
}

function checkVersion(verb: string, v: number): void {
  if (v !== 1) throw new Error(`cannot ${verb}: expected a message of version 1: received ${v}`);
}

function checkText(verb: string, field: string, { length }: string): void {
  if (length >= 1 && length <= longestText) return;
  throw new Error(`cannot ${verb}: expected a ${field} of 1 to ${longestText} characters: received ${length}`);
}

function checkWhole(verb: string, field: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new Error(`cannot ${verb}: expected ${field} from ${least} to ${most}: received ${value}`);
}
