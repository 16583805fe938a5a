/** The Keyring object: one key, made at its first use, kept sealed, never told; and what is signed with it. */
import { DurableObject } from "cloudflare:workers";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { Outbox, outboxTable } from "../platform/outbox.ts";
import { migrate } from "../platform/schema.ts";
import { logStub } from "../stubs.ts";
import { signToken, type SigningKey } from "./access-token.ts";
import type {
  KeyringContract,
  KeyringKeysAnswer,
  KeyringProblem,
  KeyringSettings,
  KeysData,
  PublicKey,
  SignAnswer,
  SignRequest,
} from "./contract.ts";
import { keySecretsOf, type KeySecrets } from "./key-secret.ts";
import { insertKey, newestKey, resealKey, signingKeyTable, type KeyRecord } from "./key-table.ts";
import { open, seal } from "./sealed-key.ts";

type Ready =
  | { readonly kind: "ready"; readonly signingKey: SigningKey }
  | { readonly kind: "refused"; readonly reason: KeyringProblem };

export class Keyring extends DurableObject<Env> implements KeyringContract {
  readonly #settings: KeyringSettings;
  readonly #outbox: Outbox;
  readonly #secrets: KeySecrets | null;
  #ready: Promise<Ready> | null = null;

  constructor(state: DurableObjectState, env: Env, settings: KeyringSettings) {
    super(state, env);
    this.#settings = settings;
    this.#secrets = keySecretsOf(env);
    migrate(state.storage, [signingKeyTable, outboxTable]);
    this.#outbox = new Outbox({
      storage: state.storage,
      publish: (events) => logStub(env, settings.environment).publish({ v: 1, events, ack: "none", timeoutMs: 0 }),
      random: Math.random,
      now: Date.now,
    });
    void state.blockConcurrencyWhile(() => this.#outbox.rearm());
  }

  async sign(request: SignRequest): Promise<SignAnswer> {
    const ready = await this.#signingKey();
    if (ready.kind === "refused") return { v: 1, kind: "refused", reason: ready.reason };
    const signed = await signToken(request, this.#settings, ready.signingKey, Date.now(), crypto.randomUUID());
    return { v: 1, kind: "signed", ...signed };
  }

  /** The public keys need no secret, once there are any. */
  async keys(): Promise<KeyringKeysAnswer> {
    const { sql } = this.ctx.storage;
    if (newestKey(sql) === null) {
      const ready = await this.#signingKey();
      if (ready.kind === "refused") return { v: 1, kind: "refused", reason: ready.reason };
    }
    const record = newestKey(sql);
    if (record === null) throw new Error("cannot give keys: the key that was just made is not there");
    return { v: 1, kind: "keys", ...this.#dataOf(record) };
  }

  override async alarm(): Promise<void> {
    await this.#outbox.drain();
  }

  /** Callers at the same time share one key; a refusal or a failure is not kept, so that the next call tries again. */
  async #signingKey(): Promise<Ready> {
    this.#ready ??= this.#makeReady();
    const ready = this.#ready;
    try {
      const outcome = await ready;
      if (outcome.kind === "refused" && this.#ready === ready) this.#ready = null;
      return outcome;
    } catch (error) {
      if (this.#ready === ready) this.#ready = null;
      throw error;
    }
  }

  async #makeReady(): Promise<Ready> {
    if (this.#secrets === null) return this.#refuse("key_secret_missing");
    const record = newestKey(this.ctx.storage.sql);
    return record === null ? this.#makeKey(this.#secrets) : this.#openKey(record, this.#secrets);
  }

  async #makeKey(secrets: KeySecrets): Promise<Ready> {
    const { algorithm } = this.#settings;
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    const publicKey: PublicKey = { ...jwk, kty: jwk.kty ?? "EC", kid, alg: algorithm, use: "sig" };
    const sealed = await seal(JSON.stringify(await exportJWK(pair.privateKey)), this.#placeOf(kid), secrets.current);
    const record: KeyRecord = { kid, publicKey, ...sealed, madeAt: Date.now() };
    this.ctx.storage.transactionSync(() => {
      insertKey(this.ctx.storage.sql, record);
      const { issuer } = this.#settings;
      this.#outbox.add({
        id: `keys-${crypto.randomUUID()}`,
        type: "keys",
        data: this.#dataOf(record),
        retain: `keys:${issuer}`,
      });
    });
    this.ctx.waitUntil(this.#outbox.drain());
    return { kind: "ready", signingKey: { kid, key: pair.privateKey } };
  }

  async #openKey(record: KeyRecord, secrets: KeySecrets): Promise<Ready> {
    const place = this.#placeOf(record.kid);
    const opened = await open(record, place, secrets);
    // Another key in its place would end every token in use and hide the mistake: the operator is told instead.
    if (opened.kind === "locked") return this.#refuse("key_secret_wrong");
    if (opened.by === "previous") {
      resealKey(this.ctx.storage.sql, record.kid, await seal(opened.text, place, secrets.current));
      console.info({ event: "signing_key_resealed", kid: record.kid });
    }
    const key = await importJWK(JSON.parse(opened.text) as JWK, this.#settings.algorithm);
    if (key instanceof Uint8Array)
      throw new Error(`cannot use the signing key ${record.kid}: expected an asymmetric key`);
    return { kind: "ready", signingKey: { kid: record.kid, key } };
  }

  #refuse(reason: KeyringProblem): Ready {
    const expected =
      reason === "key_secret_missing"
        ? "expected MESH_KEY_SECRET, at least 32 random bytes"
        : "expected the MESH_KEY_SECRET that the signing key was sealed with, or that one as MESH_KEY_SECRET_PREVIOUS";
    console.error({ event: "signing_key_not_usable", reason, expected });
    return { kind: "refused", reason };
  }

  #dataOf(record: KeyRecord): KeysData {
    return { issuer: this.#settings.issuer, keys: [record.publicKey], fetchedAt: record.madeAt };
  }

  /** What a sealed key is bound to: it opens as this key of this mesh only. */
  #placeOf(kid: string): string {
    return JSON.stringify([this.#settings.environment, kid]);
  }
}
