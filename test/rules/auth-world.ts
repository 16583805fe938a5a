/** The auth paths' decisions on a clock of the test's own: accounts in a map, grants in a real book, tokens as plain JSON. */
import { GrantBook } from "../../durable-objects/grants/grant-book.ts";
import type { GrantsContract } from "../../durable-objects/grants/contract.ts";
import type { FamilyRecord, GrantsLedger } from "../../durable-objects/grants/ledger.ts";
import type { NewEvent } from "../../durable-objects/log/contract.ts";
import { give } from "../../workers/auth/give.ts";
import { MeshKey } from "../../workers/auth/mesh-key.ts";
import type { AuthParts, Client, Found, Login, Named, Person } from "../../workers/auth/parts.ts";
import { readTokenRequest, type TokenRequest } from "../../workers/auth/token-request.ts";
import type { Mesh } from "../../workers/config/mesh.ts";
import { readTokenForm } from "../../workers/token/client-credential.ts";

export const issuer = "https://mesh.example.com";
export const hourMs = 3_600_000;

export const settings: Mesh["tokens"] = {
  issuer,
  audience: "inventory",
  algorithm: "ES256",
  sharedSecret: null,
  ttlSeconds: 900,
  rotateAfterMs: null,
  refresh: { ttlSeconds: 86_400, graceMs: 0 },
  cookie: "__Host-mesh",
  loginUrl: null,
  redirectUrl: null,
};

class MemoryGrants implements GrantsLedger {
  readonly rows = new Map<string, FamilyRecord>();
  readonly transaction = <Result>(work: () => Result): Result => work();
  readonly find = (family: string): FamilyRecord | null => this.rows.get(family) ?? null;

  save(record: FamilyRecord): void {
    this.rows.set(record.grant.family, record);
  }

  forget(now: number, most: number): void {
    const over = [...this.rows].filter(([, { keepUntil }]) => keepUntil <= now).slice(0, most);
    for (const [family] of over) this.rows.delete(family);
  }
}

export function person(name: string, changed: Partial<Person> = {}): Person {
  return {
    name,
    roles: ["editor"],
    tenant: null,
    claims: {},
    scopes: ["read", "write"],
    proofChangedAt: 0,
    ...changed,
  };
}

export function client(id: string, changed: Partial<Client> = {}): Client {
  return {
    id,
    scopes: [],
    resources: [],
    redirectUris: [],
    isPublic: false,
    isAdmin: false,
    proofChangedAt: 0,
    ...changed,
  };
}

export class AuthWorld {
  now = 1_795_000_000_000;
  readonly people = new Map<string, Person>();
  readonly clients = new Map<string, Client>();
  readonly told: NewEvent[] = [];
  readonly signed: Readonly<Record<string, unknown>>[] = [];
  readonly ledger = new MemoryGrants();
  /** Calls of each kind: what a made-up token costs. */
  calls = 0;
  /** While set, grants or accounts do not answer. */
  down: "grants" | "accounts" | "keyring" | null = null;
  /** Whose answer a login waits for, while the accounts are a service's. */
  whose: { readonly service?: string } = {};
  /** The next call of that name does its work or not, and its answer is lost either way; `hanging` is one that never ends. */
  lost: {
    readonly call: "refresh" | "redeemCode" | "begin";
    readonly when: "before" | "after" | "hanging";
  } | null = null;
  /** Grants objects of older code say nothing of a use that a peek names. */
  isGrantsOld = false;
  /** What Regions say of cut-offs: `away` ones say at once that they cannot, `silent` ones say nothing for so long as one is waited for. */
  regions: "answering" | "away" | "silent" = "answering";
  /** Times that a Region was asked. */
  regionAsks = 0;
  /** `refusing`: the Keyring cannot sign. `unsaid`: it has not said so yet. */
  keyring: "signing" | "refusing" | "unsaid" = "signing";
  /** What happens while a login waits, once a password was found right, before the Keyring signs and once it has. */
  meanwhile: Readonly<Partial<Record<"waited" | "checked" | "signing" | "signed", () => void>>> = {};
  /** Cut-offs by subject, ms. */
  readonly cutOffs = new Map<string, number>();
  settings: Mesh["tokens"] = settings;
  readonly key = new MeshKey({ MESH_KEY_SECRET: "a secret of at least thirty-two characters" }, "grants");

  readonly #book = new GrantBook(this.ledger, { issuer, longestTokenMs: 24 * hourMs }, () => undefined);

  get parts(): AuthParts {
    return {
      settings: this.settings,
      services: new Set(["inventory", "billing"]),
      people: {
        login: async (name, password) => this.#login(this.people.get(name), password),
        read: async (name) => this.#find(this.people.get(name)),
        clientLogin: async ({ client: id, secrets }) => this.#login(this.clients.get(id), secrets[0] ?? ""),
        client: async (id) => this.#find(this.clients.get(id)),
      },
      grants: () => this.#grants(),
      canSign: async () => this.keyring !== "refusing",
      sign: async ({ claims, ttlSeconds }) => {
        if (this.keyring !== "signing") return { v: 1, kind: "refused", reason: "key_secret_wrong" };
        this.meanwhile.signing?.();
        if (this.down === "keyring") throw new Error("down");
        this.signed.push(claims);
        this.meanwhile.signed?.();
        const expiresAt = this.now + ttlSeconds * 1_000;
        return { v: 1, kind: "signed", token: JSON.stringify(claims), expiresAt, jti: `j${this.signed.length}` };
      },
      key: this.key,
      revokedUntil: async (named, issuedAt) => this.#revokedUntil(named, issuedAt),
      revokedSince: async ({ subject }, at) => this.#askRegion() ?? (this.cutOffs.get(subject) ?? 0) > at,
      tell: async (events) => this.told.push(...events),
      now: () => this.now,
      wait: async (ms) => {
        this.now += ms;
        this.meanwhile.waited?.();
      },
    };
  }

  /** The whole way from the form. */
  async ask(form: Readonly<Record<string, string>>, authorization: string | null = null) {
    return give(this.parts, this.#read(form, authorization), { address: "192.0.2.1", zone: undefined });
  }

  #read(form: Readonly<Record<string, string>>, authorization: string | null): TokenRequest {
    const read = readTokenForm(new URLSearchParams(form).toString());
    if (read.kind === "malformed") throw new Error(read.detail);
    const finding = readTokenRequest(authorization, read.form);
    if (finding.kind !== "asked") throw new Error(finding.kind === "missing" ? "missing" : finding.detail);
    return finding.request;
  }

  /** Every password is the account's own name, doubled. */
  #login<Who extends Person | Client>(who: Who | undefined, secret: string): Login<Who> {
    this.calls += 1;
    if (this.down === "accounts") return { kind: "unreachable", ...this.whose };
    if (who === undefined) return { kind: "wrong" };
    const name = "name" in who ? who.name : who.id;
    if (secret !== name + name) return { kind: "wrong" };
    this.meanwhile.checked?.();
    return { kind: "right", who };
  }

  #find<Who>(who: Who | undefined): Found<Who> {
    this.calls += 1;
    if (this.down === "accounts") return { kind: "unreachable" };
    return who === undefined ? { kind: "missing" } : { kind: "found", who };
  }

  #askRegion(): "unknown" | null {
    this.regionAsks += 1;
    if (this.regions === "silent") this.now += 2_750;
    return this.regions === "answering" ? null : "unknown";
  }

  #revokedUntil({ subject }: Named, issuedAt: number): number | "unknown" | null {
    if (this.#askRegion() !== null) return "unknown";
    const cutOff = this.cutOffs.get(subject);
    const seconds = Math.floor(issuedAt / 1_000) * 1_000;
    return cutOff === undefined || seconds > cutOff + 1_000
      ? null
      : Math.floor((cutOff + 1_000) / 1_000) * 1_000 + 1_000;
  }

  #grants(): GrantsContract {
    const answer = async <Answer>(call: string, decide: () => Answer): Promise<Answer> => {
      this.calls += 1;
      if (this.down === "grants") throw new Error("down");
      const { lost } = this;
      if (lost?.call !== call) return decide();
      this.lost = null;
      if (lost.when === "after") decide();
      if (lost.when === "hanging") await new Promise(() => undefined);
      throw new Error("lost");
    };
    const book = this.#book;
    return {
      keepCode: ({ code }) => answer("keepCode", () => ({ kind: book.keepCode(code, this.now) })),
      redeemCode: (use) => answer("redeemCode", () => book.redeemCode(use, this.now)),
      begin: ({ grant }) => answer("begin", () => ({ kind: book.begin(grant, this.now) })),
      refresh: (use) => answer("refresh", () => book.refresh(use, this.now)),
      peek: ({ family, use }) => answer("peek", () => book.peek(family, this.now, this.isGrantsOld ? undefined : use)),
      end: ({ family, by }) => answer("end", () => ({ events: book.end(family, by, this.now) })),
    };
  }
}
