/** Why the gate ends what runs on after its answer has begun. */
import { permitCut, tryAgainLater, type Cut, type Running as RunningUntil } from "../live/running.ts";

export interface Ending extends Cut {
  readonly code: EndingCode;
  /** An event stream is told so by its last event; false: it is broken off. */
  readonly isTold: boolean;
}

/** Why a client that was let in would not be now. */
export type LiveEndingCode = "token_revoked" | "token_expired" | "forbidden" | "not_current";
type EndingCode = LiveEndingCode | "permit_ended";

export type Running = RunningUntil<Ending>;

/** The registry of RFC 6455 section 11.7. */
const unauthorized = 3000;
const forbidden = 3003;

export const permitEnded: Ending = { ...permitCut, code: "permit_ended", isTold: false };

const told = (code: LiveEndingCode, closeCode: number, reason: string): Ending => ({
  code,
  closeCode,
  reason,
  isTold: true,
});

export const liveEndings: Readonly<Record<LiveEndingCode, Ending>> = {
  token_revoked: told("token_revoked", unauthorized, "token revoked"),
  token_expired: told("token_expired", unauthorized, "token expired"),
  forbidden: told("forbidden", forbidden, "no longer allowed"),
  not_current: told("not_current", tryAgainLater, "the token could not be held against what was revoked"),
};

export function both(one: Running, other: Running): Running {
  return {
    over: Promise.race([one.over, other.over]),
    ended() {
      one.ended();
      other.ended();
    },
  };
}
