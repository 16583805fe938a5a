/**
 * Signs the mesh's own tokens, with a key that still counts: of one that a revocation ends for good every token is dead at
 * once, those of whoever could lift it, too. It is removed, as an operator would, and the next one signs.
 */
import type { KeyringContract, SignAnswer, SignRequest } from "../../durable-objects/keyring/contract.ts";
import { withinTime } from "../../durable-objects/platform/deadline.ts";
import type { TokenNames } from "../../durable-objects/revocations/contract.ts";
import { readCompactForm } from "./compact-form.ts";

type Waits = Pick<ExecutionContext, "waitUntil">;
type Checked = { readonly kind: "clear" } | { readonly kind: "revoked"; readonly issuedBefore: number | null };

export interface OwnSignerPorts {
  readonly issuer: string;
  /** A stub belongs to one request: asked anew for each call. */
  readonly keyring: () => Pick<KeyringContract, "sign" | "remove">;
  /** Whether the isolate's view is current, or could be made so: an idle isolate knows of nothing that came since. */
  readonly current: (context: Waits) => boolean | Promise<boolean>;
  readonly revocations: {
    /** By what is known here: only what may be named costs a question. Null when nobody could say. */
    check(names: TokenNames, context: Waits): Checked | null | Promise<Checked | null>;
  };
}

/** A Keyring holds no more that could sign. */
const mostRemoved = 2;
/** What all calls of the Keyring for one token may take. Regions that are asked between them have limits of their own. */
const callsMs = 3_000;

export class OwnSigner {
  readonly #ports: OwnSignerPorts;

  constructor(ports: OwnSignerPorts) {
    this.#ports = ports;
  }

  /** Throws when the Keyring cannot be reached, or is silent. */
  async sign(request: SignRequest, context: Waits): Promise<SignAnswer> {
    const { keyring, current } = this.#ports;
    const isCurrent = current(context);
    const endsAt = performance.now() + callsMs;
    const inTime = <Answer>(call: Promise<Answer>) =>
      withinTime(call, Math.max(0, endsAt - performance.now()), "the Keyring");
    for (let removed = 0; ; removed += 1) {
      const answer = await inTime(keyring().sign(request));
      if (answer.kind === "refused" || removed === mostRemoved) return answer;
      const kid = keyIdOf(answer.token);
      if (kid === null || !(await isCurrent) || !(await this.#isEnded(kid, context))) return answer;
      console.warn({ event: "signing_key_revoked", kid });
      await inTime(keyring().remove({ v: 1, kid }));
    }
  }

  async #isEnded(kid: string, context: Waits): Promise<boolean> {
    const { issuer, revocations } = this.#ports;
    const checked = await revocations.check({ issuer, kid, issuedFrom: Number.MAX_SAFE_INTEGER }, context);
    return checked?.kind === "revoked";
  }
}

/** Null for a shared secret, which no revocation names. */
function keyIdOf(token: string): string | null {
  const form = readCompactForm(token);
  return form.kind === "formed" && typeof form.header["kid"] === "string" ? form.header["kid"] : null;
}
