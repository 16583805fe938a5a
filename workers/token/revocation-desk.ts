/**
 * For whoever issues the mesh's own tokens: whether what is issued now, or came of a login then, is refused. A Region is
 * asked each time: by a view, which may be a lease old, whoever logs in right after a logout would get a token that is
 * dead a moment later, and whoever is logged out could still refresh.
 */
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import type { Mesh } from "../config/mesh.ts";
import { rulesOf } from "./issuer-rules.ts";

/** What a token of the mesh will be named by. */
export interface NamedToBe {
  readonly subject: string;
  readonly client: string | null;
  readonly tenant: string | null;
  readonly family: string | null;
}

type Said = { readonly kind: "clear" } | { readonly kind: "revoked"; readonly issuedBefore: number | null };

export interface RevocationDeskPorts {
  readonly mesh: Pick<Mesh, "tokens" | "issuers">;
  readonly revocations: {
    /** `issuedBefore` null: whenever it was issued. Null when nobody could say. */
    ask(names: TokenNames): Promise<Said | null>;
  };
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
  async ownRevokedUntil(named: NamedToBe, issuedAt: number): Promise<number | "ever" | "unknown" | null> {
    const { mesh, revocations } = this.#ports;
    // `iat` has whole seconds.
    const issuedFrom = Math.floor(issuedAt / 1_000) * 1_000 - this.#toleranceMs;
    const said = await revocations.ask(namesOf(named, mesh.tokens.issuer, issuedFrom));
    if (said === null) return "unknown";
    if (said.kind === "clear") return null;
    if (said.issuedBefore === null) return "ever";
    return Math.floor((said.issuedBefore + this.#toleranceMs) / 1_000) * 1_000 + 1_000;
  }

  /** Whether a revocation that is dated after `at`, ms since 1970, names it: to the ms, whatever the tolerance. */
  ownRevokedSince(named: NamedToBe, at: number): Promise<boolean | "unknown"> {
    return this.isRevoked(namesOf(named, this.#ports.mesh.tokens.issuer, at + 1));
  }

  async isRevoked(names: TokenNames): Promise<boolean | "unknown"> {
    const said = await this.#ports.revocations.ask(names);
    return said === null ? "unknown" : said.kind === "revoked";
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
