/** The Keyring object: keys made at their first use, kept sealed, never told; replaced by age or by order; and what is signed. */
import { DurableObject } from "cloudflare:workers";
import type { NewEvent } from "../log/contract.ts";
import { Outbox, outboxTable } from "../platform/outbox.ts";
import { migrate } from "../platform/schema.ts";
import { logStub } from "../stubs.ts";
import { signToken, type SigningKey } from "./access-token.ts";
import type {
  KeyDescription,
  KeyPurpose,
  KeyringContract,
  KeyringKeysAnswer,
  KeyringProblem,
  KeyringSettings,
  KeysData,
  ReadyAnswer,
  RemoveAnswer,
  RotateAnswer,
  SignAnswer,
  SignRequest,
} from "./contract.ts";
import { dueAt, endOf, rotationOf, signerOf, standingOf, upkeepOf, type KeyRules, type KeyStep } from "./key-plan.ts";
import { keySecretsOf, sharedSecretOf, type KeySecrets } from "./key-secret.ts";
import { keySchema, keySetSchema, KeyTable, type KeyRecord } from "./key-table.ts";
import { newKey } from "./new-key.ts";
import { PrivateKeys } from "./private-keys.ts";

type Refused = { readonly v: 1; readonly kind: "refused"; readonly reason: KeyringProblem };

interface Vault {
  readonly secrets: KeySecrets;
  readonly keys: PrivateKeys;
}

type Signer = { readonly kind: "ready"; readonly key: SigningKey } | Refused;

const purposes = ["access", "assertion"] as const;

export class Keyring extends DurableObject<Env> implements KeyringContract {
  readonly #settings: KeyringSettings;
  readonly #table: KeyTable;
  readonly #outbox: Outbox;
  /** null without a secret to seal and open with. */
  readonly #vault: Vault | null;
  readonly #shared: Uint8Array | null;
  /** Changes take turns: each sees what the one before has made. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(state: DurableObjectState, env: Env, settings: KeyringSettings) {
    super(state, env);
    this.#settings = settings;
    this.#shared = settings.sharedSecret === null ? null : sharedSecretOf(env, settings.sharedSecret);
    migrate(state.storage, [...keySchema, outboxTable, ...keySetSchema]);
    this.#table = new KeyTable(state.storage.sql);
    const secrets = keySecretsOf(env);
    this.#vault =
      secrets === null ? null : { secrets, keys: new PrivateKeys(this.#table, secrets, settings.environment) };
    this.#outbox = new Outbox({
      storage: state.storage,
      publish: (events) => logStub(env, settings.environment).publish({ v: 1, events, ack: "none", timeoutMs: 0 }),
      random: Math.random,
      now: Date.now,
    });
    void state.blockConcurrencyWhile(() => this.#outbox.rearm());
  }

  async sign(request: SignRequest): Promise<SignAnswer> {
    const purpose = request.purpose ?? "access";
    const signer = purpose === "access" && this.#isShared() ? this.#sharedSigner() : await this.#signer(purpose);
    if (signer.kind === "refused") return signer;
    const signed = await signToken(request, this.#settings.issuer, signer.key, Date.now(), crypto.randomUUID());
    return { v: 1, kind: "signed", ...signed };
  }

  /** Makes no key: a set that has none yet makes them when it is first needed. */
  async ready(): Promise<ReadyAnswer> {
    for (const purpose of purposes) {
      if (purpose === "access" && this.#isShared()) {
        if (this.#shared === null) return this.#refuse("shared_secret_missing");
        continue;
      }
      if (this.#vault === null) return this.#refuse("key_secret_missing");
      const signer = signerOf(this.#table.keysOf(purpose));
      if (signer !== undefined && (await this.#vault.keys.of(signer)) === null) return this.#refuse("key_secret_wrong");
    }
    return { v: 1, kind: "ready" };
  }

  /** The public keys need no secret, once there are any. */
  async keys(request?: { readonly purpose: KeyPurpose }): Promise<KeyringKeysAnswer> {
    const purpose = request?.purpose ?? "access";
    if (!(purpose === "access" && this.#isShared()) && this.#table.keysOf(purpose).length === 0) {
      const kept = await this.#keep(purpose);
      if (kept !== null) return kept;
    }
    return { v: 1, kind: "keys", ...this.#dataOf(purpose) };
  }

  async describe(): Promise<{ readonly v: 1; readonly keys: readonly KeyDescription[] }> {
    return { v: 1, keys: purposes.flatMap((purpose) => this.#table.keysOf(purpose).map(descriptionOf)) };
  }

  async rotate(): Promise<RotateAnswer> {
    if (this.#isShared()) return { v: 1, kind: "shared_secret" };
    const kept = await this.#keep("access");
    if (kept !== null) return kept;
    return this.#inTurn(async () => {
      const rotation = rotationOf(this.#table.keysOf("access"), this.#rulesOf("access"), Date.now());
      if (rotation.kind === "too_soon") return { v: 1, ...rotation };
      const promote: KeyStep = { kind: "promote", kid: rotation.kid };
      const changed = await this.#change("access", [promote, { kind: "make", standing: "next" }]);
      if (changed.kind === "refused") return changed;
      const current = signerOf(this.#table.keysOf("access"));
      if (current === undefined) throw new Error("cannot rotate: the key that was promoted is not there");
      return { v: 1, kind: "rotated", current: descriptionOf(current), events: changed.events };
    });
  }

  async remove({ kid }: { readonly kid: string }): Promise<RemoveAnswer> {
    return this.#inTurn(async () => {
      for (const purpose of purposes) {
        const keys = this.#table.keysOf(purpose);
        if (!keys.some((key) => key.kid === kid)) continue;
        const rest = keys.filter((key) => key.kid !== kid);
        const steps = upkeepOf(rest, this.#rulesOf(purpose), Date.now());
        const changed = await this.#change(purpose, [{ kind: "drop", kid }, ...steps]);
        return changed.kind === "refused" ? changed : { v: 1, kind: "removed", events: changed.events };
      }
      return { v: 1, kind: "unknown" };
    });
  }

  /** Nothing may be thrown here: after six failures the platform gives an alarm up. */
  override async alarm(): Promise<void> {
    try {
      for (const purpose of purposes) if (this.#table.keysOf(purpose).length > 0) await this.#keep(purpose);
    } catch (error) {
      console.error({ event: "keyring_upkeep_failed", error: String(error) });
    }
    await this.#outbox.drain();
    await this.#armForUpkeep();
  }

  async #signer(purpose: KeyPurpose): Promise<Signer> {
    if (this.#vault === null) return this.#refuse("key_secret_missing");
    const isDue = dueAt(this.#table.keysOf(purpose), this.#rulesOf(purpose)) <= Date.now();
    const kept = isDue ? await this.#keep(purpose) : null;
    const signer = signerOf(this.#table.keysOf(purpose));
    if (signer === undefined) return kept ?? this.#refuse("key_secret_missing");
    const key = await this.#vault.keys.of(signer);
    // Another key in its place would end every token in use and hide the mistake: the operator is told instead.
    if (key === null) return this.#refuse("key_secret_wrong");
    return { kind: "ready", key: { kid: signer.kid, algorithm: signer.algorithm, key } };
  }

  #isShared(): boolean {
    return this.#settings.algorithm === "HS256";
  }

  #sharedSigner(): Signer {
    if (this.#shared === null) return this.#refuse("shared_secret_missing");
    return { kind: "ready", key: { kid: null, algorithm: "HS256", key: this.#shared } };
  }

  /** Does what is due; null when all is well afterwards. */
  async #keep(purpose: KeyPurpose): Promise<Refused | null> {
    return this.#inTurn(async () => {
      const steps = upkeepOf(this.#table.keysOf(purpose), this.#rulesOf(purpose), Date.now());
      const changed = steps.length === 0 ? null : await this.#change(purpose, steps);
      return changed?.kind === "refused" ? changed : null;
    });
  }

  /** All steps or none, and one event for all of them. */
  async #change(
    purpose: KeyPurpose,
    steps: readonly KeyStep[],
  ): Promise<{ readonly kind: "changed"; readonly events: readonly NewEvent[] } | Refused> {
    const now = Date.now();
    const made = await this.#make(purpose, steps, now);
    if (made === "key_secret_missing" || made === "key_secret_wrong") return this.#refuse(made);
    const events: NewEvent[] = [];
    this.ctx.storage.transactionSync(() => {
      for (const key of made) this.#table.insert(key);
      for (const step of steps) {
        if (step.kind === "drop") this.#table.drop(step.kid);
        if (step.kind === "promote") this.#table.promote(purpose, step.kid, now, endOf(this.#rulesOf(purpose), now));
      }
      this.#table.change(purpose, now);
      if (purpose === "access") events.push(this.#announce());
    });
    for (const step of steps) if (step.kind === "drop") this.#vault?.keys.forget(step.kid);
    this.ctx.waitUntil(this.#outbox.drain().then(() => this.#armForUpkeep()));
    return { kind: "changed", events };
  }

  #announce(): NewEvent {
    const retain = `keys:${this.#settings.issuer}`;
    const event: NewEvent = { id: `keys-${crypto.randomUUID()}`, type: "keys", data: this.#dataOf("access"), retain };
    this.#outbox.add(event);
    return event;
  }

  async #make(
    purpose: KeyPurpose,
    steps: readonly KeyStep[],
    now: number,
  ): Promise<readonly KeyRecord[] | "key_secret_missing" | "key_secret_wrong"> {
    const wanted = steps.flatMap((step) => (step.kind === "make" ? [step.standing] : []));
    if (wanted.length === 0) return [];
    const vault = this.#vault;
    if (vault === null) return "key_secret_missing";
    // Under a secret that does not open the key in use a further one would hide the mistake, unless that key goes.
    const signer = signerOf(this.#table.keysOf(purpose));
    const stays = signer !== undefined && !steps.some((step) => step.kind === "drop" && step.kid === signer.kid);
    if (stays && (await vault.keys.of(signer)) === null) return "key_secret_wrong";
    const { algorithm } = this.#rulesOf(purpose);
    const placeOf = (kid: string) => vault.keys.placeOf(kid);
    const key = { purpose, algorithm, now, secret: vault.secrets.current, placeOf };
    return Promise.all(wanted.map((standing) => newKey({ ...key, isUsed: standing === "current" })));
  }

  /** One change after the other. */
  async #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const mine = this.#turn.then(change, change);
    // Whoever asked for it hears of its failure; the next change does not depend on it.
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  /** The outbox arms the alarm for what it owes; what time alone makes due may be later. */
  async #armForUpkeep(): Promise<void> {
    const dues = purposes.map((purpose) => {
      const keys = this.#table.keysOf(purpose);
      return keys.length === 0 ? Infinity : dueAt(keys, this.#rulesOf(purpose));
    });
    const due = Math.max(Math.min(...dues), Date.now() + 1_000);
    if (due === Infinity) return;
    const { storage } = this.ctx;
    const armed = await storage.getAlarm();
    if (armed === null || armed > due) await storage.setAlarm(due);
  }

  #rulesOf(purpose: KeyPurpose): KeyRules {
    const { algorithm, rotateAfterMs, settleMs, longestTokenMs } = this.#settings;
    if (purpose === "access") return { algorithm, rotateAfterMs, settleMs, longestTokenMs };
    return { algorithm: assertionAlgorithm, rotateAfterMs, settleMs: assertionsSettleMs, longestTokenMs };
  }

  #refuse(reason: KeyringProblem): Refused {
    console.error({ event: "signing_key_not_usable", reason, expected: expectedBy[reason] });
    return { v: 1, kind: "refused", reason };
  }

  #dataOf(purpose: KeyPurpose): KeysData {
    const keys = this.#isShared() && purpose === "access" ? [] : this.#table.keysOf(purpose);
    const fetchedAt = Math.max(this.#table.changedAt(purpose), ...keys.map(({ madeAt }) => madeAt));
    return { issuer: this.#settings.issuer, keys: keys.map(({ publicKey }) => publicKey), fetchedAt };
  }
}

/** Services fetch these keys themselves, and keep them for as long as they like: a day is enough for all that behave. */
const assertionAlgorithm = "ES256";
const assertionsSettleMs = 86_400_000;

const expectedBy: Readonly<Record<KeyringProblem, string>> = {
  key_secret_missing: "expected MESH_KEY_SECRET, at least 32 random bytes",
  key_secret_wrong:
    "expected the MESH_KEY_SECRET that the signing keys were sealed with: set it again, or as MESH_KEY_SECRET_PREVIOUS beside the new one, and nothing is lost",
  shared_secret_missing: "expected the secret that tokens.secret names, at least 32 bytes",
};

function descriptionOf(key: KeyRecord): KeyDescription {
  const { kid, purpose, algorithm, madeAt, usedFrom, endsAt } = key;
  return { kid, purpose, algorithm, standing: standingOf(key), madeAt, usedFrom, endsAt };
}
