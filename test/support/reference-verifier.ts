/**
 * A second verifier, slow and plain, that shares no code with the one of the mesh: a parser of its own that keeps members
 * in the order they came, Node's cryptography, and the rules written down once more from RFC 7515, 7519 and 9068. It only
 * says yes or no.
 */
import { createPublicKey, verify, type JsonWebKey } from "node:crypto";

export interface ReferenceRules {
  readonly issuer: string;
  readonly audience: string;
  readonly types: readonly string[];
  /** By key id. */
  readonly keys: ReadonlyMap<string, { readonly jwk: JsonWebKey; readonly algorithm: "ES256" | "RS256" }>;
  readonly maxLifetimeSeconds: number;
  readonly toleranceSeconds: number;
  /** ms since 1970. */
  readonly now: number;
}

type Json = null | boolean | number | string | Json[] | Members;
/** Members as they came: a list, so that a second one of a name does not go unseen. */
class Members {
  readonly list: (readonly [string, Json])[] = [];

  get(name: string): Json | undefined {
    return this.list.find(([named]) => named === name)?.[1];
  }
}

export function referenceAccepts(token: string, rules: ReferenceRules): boolean {
  try {
    return accepts(token, rules);
  } catch {
    // Whatever is thrown here is thrown about a token that is not one.
    return false;
  }
}

function accepts(token: string, rules: ReferenceRules): boolean {
  if (token.length > 8_192) return false;
  const parts = token.split(".");
  if (parts.length !== 3) return false;
  const [first = "", second = "", third = ""] = parts;
  const header = objectOf(first);
  const claims = objectOf(second);
  const signature = bytesOf(third);
  if (header.list.some(([name]) => ["crit", "b64", "enc", "zip"].includes(name))) return false;
  const known = keyFor(header.get("kid"), header.get("alg"), rules);
  if (known === undefined) return false;
  if (!rules.types.includes(typeOf(header.get("typ")))) return false;
  if (claims.get("iss") !== rules.issuer) return false;
  if ((claims.get("cnf") ?? null) !== null) return false;
  const subject = claims.get("sub");
  if (typeof subject !== "string" || subject === "") return false;
  if (!audiencesOf(claims.get("aud")).includes(rules.audience)) return false;
  if (!isInTime(claims, rules)) return false;
  const key = createPublicKey({ key: known.jwk, format: "jwk" });
  const input = Buffer.from(`${first}.${second}`);
  return known.algorithm === "ES256"
    ? verify("sha256", input, { key, dsaEncoding: "ieee-p1363" }, signature)
    : verify("sha256", input, key, signature);
}

/** A token that names no key is for the only one of its algorithm (RFC 7515 section 4.1.4: `kid` is a hint). */
function keyFor(kid: Json | undefined, alg: Json | undefined, { keys }: ReferenceRules) {
  const named = kid === undefined ? [...keys.values()] : [typeof kid === "string" ? keys.get(kid) : undefined];
  const [known, ...more] = named.filter((key) => key?.algorithm === alg);
  return more.length > 0 ? undefined : known;
}

function isInTime(claims: Members, rules: ReferenceRules): boolean {
  const [exp, iat, nbf] = ["exp", "iat", "nbf"].map((name) => claims.get(name));
  if (!isInstant(exp)) return false;
  if (iat !== undefined && !isInstant(iat)) return false;
  if (nbf !== undefined && !isInstant(nbf)) return false;
  const now = rules.now / 1_000;
  const { toleranceSeconds: tolerance, maxLifetimeSeconds: longest } = rules;
  if (now >= exp + tolerance) return false;
  if (nbf !== undefined && now < nbf - tolerance) return false;
  if (iat === undefined) return exp - now <= longest;
  return exp - iat <= longest && now >= iat - tolerance;
}

function isInstant(value: Json | undefined): value is number {
  return typeof value === "number" && value >= 0 && value <= 253_402_300_799;
}

function typeOf(typ: Json | undefined): string {
  if (typ === undefined) return "jwt";
  if (typeof typ !== "string") return "";
  const match = /^(?:application\/)?([^/]+)$/.exec(typ.toLowerCase());
  return match?.[1] ?? "";
}

function audiencesOf(aud: Json | undefined): readonly string[] {
  if (typeof aud === "string") return [aud];
  if (!Array.isArray(aud)) throw new Error("aud");
  for (const one of aud) if (typeof one !== "string") throw new Error("aud");
  return aud as string[];
}

/** One spelling: what it decodes to is encoded again. */
function bytesOf(part: string): Buffer {
  const bytes = Buffer.from(part, "base64url");
  if (part === "" || bytes.toString("base64url") !== part) throw new Error("base64url");
  return bytes;
}

function objectOf(part: string): Members {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(part));
  const parser = new Parser(text);
  const value = parser.document();
  if (!(value instanceof Members)) throw new Error("not an object");
  return value;
}

/** RFC 8259, by recursive descent. */
class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value();
    if (this.#at !== this.#text.length) throw new Error("more");
    return value;
  }

  #value(): Json {
    this.#space();
    const value = this.#bare();
    this.#space();
    return value;
  }

  #bare(): Json {
    const next = this.#text[this.#at];
    if (next === "{") return this.#nested(() => this.#object());
    if (next === "[") return this.#nested(() => this.#array());
    if (next === '"') return this.#string();
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (this.#take(word)) return value;
    }
    const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(this.#text.slice(this.#at, this.#at + 400));
    if (number === null) throw new Error("value");
    this.#at += number[0].length;
    return Number(number[0]);
  }

  #nested<Value>(read: () => Value): Value {
    this.#depth += 1;
    if (this.#depth > 32) throw new Error("depth");
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #object(): Members {
    const members = new Members();
    this.#expect("{");
    this.#space();
    if (this.#take("}")) return members;
    do {
      this.#space();
      const name = this.#string();
      if (members.get(name) !== undefined) throw new Error("twice");
      this.#space();
      this.#expect(":");
      members.list.push([name, this.#value()]);
    } while (this.#take(","));
    this.#expect("}");
    return members;
  }

  #array(): Json[] {
    const items: Json[] = [];
    this.#expect("[");
    this.#space();
    if (this.#take("]")) return items;
    do items.push(this.#value());
    while (this.#take(","));
    this.#expect("]");
    return items;
  }

  #string(): string {
    this.#expect('"');
    let text = "";
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character < " ") throw new Error("string");
      this.#at += 1;
      if (character === '"') break;
      text += character === "\\" ? this.#escape() : character;
    }
    if (!text.isWellFormed()) throw new Error("surrogate");
    return text;
  }

  #escape(): string {
    const kind = this.#text[this.#at] ?? "";
    this.#at += 1;
    if (kind === "u") {
      const digits = this.#text.slice(this.#at, this.#at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new Error("escape");
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }[kind];
    if (plain === undefined) throw new Error("escape");
    return plain;
  }

  #space(): void {
    while (/[ \t\n\r]/.test(this.#text[this.#at] ?? "x")) this.#at += 1;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new Error(text);
  }
}
