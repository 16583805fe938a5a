/** For whoever issues the mesh's own tokens: whether what is issued now, or came of a login then, is refused. */
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import type { Mesh } from "../config/mesh.ts";
import type { Lifetime } from "./issuer-keys.ts";
import { rulesOf } from "./issuer-rules.ts";
import type { TokenRevocations, TokensView } from "./tokens.ts";

/** What a token of the mesh will be named by. */
export interface NamedToBe {
  readonly subject: string;
  readonly client: string | null;
  readonly tenant: string | null;
  readonly family: string | null;
}

export interface RevocationDeskPorts {
  readonly mesh: Pick<Mesh, "tokens" | "issuers">;
  readonly view: Pick<TokensView, "current">;
  readonly revocations: Pick<TokenRevocations, "check">;
}

export class RevocationDesk {
  readonly #ports: RevocationDeskPorts;
  readonly #toleranceMs: number;

  constructor(ports: RevocationDeskPorts) {
    this.#ports = ports;
    const { mesh } = ports;
    this.#toleranceMs = (rulesOf(mesh).get(mesh.tokens.issuer)?.toleranceSeconds ?? 0) * 1_000;
  }

  /**
   * From when on a token of these names is good again, ms since 1970; null when one of `issuedAt` is good. By one
   * revocation: another one may reach further, so whoever waited asks again.
   */
  async ownRevokedUntil(
    named: NamedToBe,
    issuedAt: number,
    context: Lifetime,
  ): Promise<number | "ever" | "unknown" | null> {
    const { mesh, view, revocations } = this.#ports;
    if (!(await view.current(context, Date.now()))) return "unknown";
    // `iat` has whole seconds.
    const issuedFrom = Math.floor(issuedAt / 1_000) * 1_000 - this.#toleranceMs;
    const checked = await revocations.check(namesOf(named, mesh.tokens.issuer, issuedFrom), context);
    if (checked === null) return "unknown";
    if (checked.kind === "clear") return null;
    if (checked.issuedBefore === null) return "ever";
    return Math.floor((checked.issuedBefore + this.#toleranceMs) / 1_000) * 1_000 + 1_000;
  }
}

function namesOf({ subject, client, tenant, family }: NamedToBe, issuer: string, issuedFrom: number): TokenNames {
  return {
    issuer,
    subject,
    ...(client === null ? {} : { client }),
    ...(tenant === null ? {} : { tenant }),
    ...(family === null ? {} : { family }),
    issuedFrom,
  };
}
