/**
 * Tokens as a library, as its users meet it: the Worker of docs/guides/in-your-own-worker.md, word for word but for the
 * issuer's address, in two isolates by two Regions, with neither queue nor cron.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocksOf } from "../support/guide.ts";
import { OidcIssuer } from "../support/oidc-issuer.ts";
import { PackedPackage, running } from "../support/packed-package.ts";

const [source = "", ...others] = blocksOf("in-your-own-worker.md").flatMap(({ language, text }) =>
  language === "ts" && text.includes('"selvedge/tokens"') ? [text] : [],
);
const objectLines = blocksOf("in-your-own-worker.md").filter(({ language }) => language === "toml")[2]?.text ?? "";
const keySetsLines = '\n[exports.KeySets]\ntype = "durable-object"\nstorage = "sqlite"\n';

/** The entry: says where its isolate is, as the platform does. */
const placed = `
import app from "./guide";
export * from "./guide";
export default {
  fetch(request: Request, env: { readonly COLO: string }, context: ExecutionContext) {
    const asked = new Request(request, { cf: { colo: env.COLO } });
    return new URL(request.url).pathname === "/extra" ? extra(asked) : app.fetch(asked, env, context);
  },
};
`;
const noExtra = "const extra = async (_: Request) => new Response(null);\n";

/** Tells what becomes of each of these calls. */
const mistaken = `
import { tokens } from "selvedge/tokens";
const good = { issuer: "https://id.example.com", audience: "a", algorithms: ["ES256"] } as const;
const calls: readonly (() => unknown)[] = [
  () => tokens({ ...good, algorithms: ["none" as "ES256"] }),
  () => tokens({ ...good, jwksUri: "http://id.example.com/jwks" }),
  () => tokens(good).revoke({ jti: "j" }),
  () => tokens(good).verify("a.b.c"),
];
async function said(call: () => unknown): Promise<string> {
  try {
    await call();
    return "nothing";
  } catch (error) {
    return String(error);
  }
}
export default {
  fetch: async () => Response.json(await Promise.all(calls.map((call) => said(call)))),
};
`;

let packed: PackedPackage;
let issuer: OidcIssuer;

beforeAll(async () => {
  packed = await PackedPackage.pack();
  issuer = await OidcIssuer.start();
}, 120_000);

afterAll(async () => {
  packed.remove();
  await issuer[Symbol.asyncDispose]();
});

/** The guide's Worker for this test's issuer, at a place, with something of its own at /extra. */
function project(name: string, { extra = noExtra, lines = objectLines, guide = source } = {}): string {
  const here = `issuer: ${JSON.stringify(issuer.issuer)}, allowInsecureKeys: true,`;
  const own = guide.replace('issuer: "https://id.example.com",', here);
  return packed.project(name, extra + placed, lines, { "guide.ts": own });
}

const sign = (claims: object = {}) => issuer.sign({ aud: "urn:example:inventory", ...claims });

interface Answer {
  readonly status: number;
  readonly challenge: string | null;
  readonly body: unknown;
}

async function ask(url: string, authorization: string | null, method = "GET", path = "/me"): Promise<Answer> {
  const headers: Record<string, string> = authorization === null ? {} : { authorization };
  const response = await fetch(`${url}${path}`, { method, headers });
  const text = await response.text();
  const body: unknown = text === "" ? null : JSON.parse(text);
  return { status: response.status, challenge: response.headers.get("WWW-Authenticate"), body };
}

test("`selvedge/tokens` brings two packages, and is weighed; `selvedge/hono` brings none of it", async () => {
  const { bytes, packages } = await packed.weigh('export * from "selvedge/tokens";');
  const whole = await packed.weigh(
    'export * from "selvedge/tokens"; export { requireToken } from "selvedge/hono"; export { Log, Region } from "selvedge/objects";',
  );
  const hono = await packed.weigh(
    'export { rateLimit } from "selvedge/hono"; export { Limiter } from "selvedge/objects";',
  );
  process.stdout.write(`selvedge/tokens: ${bytes} bytes gzip; with its middleware and objects: ${whole.bytes}\n`);
  expect(packages).toEqual(["jose", "valibot"]);
  expect(hono.packages).toEqual([]);
  // About what the guide says.
  expect(Math.round(bytes / 1_000)).toBeLessThanOrEqual(28);
});

describe("the guide's Worker with tokens", () => {
  test("is right by `tsc --strict`, which finds what is wrong", async () => {
    expect(others).toEqual([]);
    expect(await packed.typeMistakes(packed.project("tokens-typed", source, objectLines))).toBe("");
    const wrong = source
      .replace("c.var.identity.subject,", "c.var.identity.sub,")
      .replace('audience: "urn:example:inventory",', "")
      .replace('"everywhere"', '"anywhere"');
    const mistakes = await packed.typeMistakes(packed.project("tokens-mistyped", wrong, objectLines));
    expect(mistakes).toContain("'sub' does not exist");
    expect(mistakes).toContain("'audience' is missing");
    expect(mistakes).toContain('"anywhere"');
  });

  test("T3 lets good tokens by and challenges all others; of 1000 requests after a revocation everywhere it accepts 0", async () => {
    await running(project("tokens-guide"), async (urls, logs) => {
      const token = await sign({ jti: "ended", roles: ["editor"] });
      const other = await sign({ jti: "other" });
      // Both isolates have verified both tokens, and keep that.
      for (const url of [...urls, ...urls]) {
        expect(await ask(url, `Bearer ${token}`)).toMatchObject({
          status: 200,
          body: { subject: "service", roles: ["editor"] },
        });
        expect(await ask(url, `Bearer ${other}`)).toMatchObject({ status: 200 });
      }
      // Each has fetched the keys for itself, and needs no others.
      const fetches = issuer.keyFetches;
      expect(fetches).toBe(2);
      await expectChallenges(urls[0] ?? "", await sign());

      const admin = await sign({ scope: "tokens:end", sub: "operator" });
      const revoked = await ask(urls[0] ?? "", `Bearer ${admin}`, "DELETE", "/tokens/ended");
      expect(revoked).toMatchObject({ status: 200, body: { kind: "revoked", acknowledged: true } });
      const { receipts } = revoked.body as { readonly receipts: readonly { region: string; state: string }[] };
      expect(receipts.map(({ region, state }) => `${region} ${state}`).toSorted()).toEqual([
        "apac applied",
        "weur applied",
      ]);

      const answers: Answer[] = [];
      for (let round = 0; round < 20; round += 1) {
        const asked = Array.from({ length: 50 }, (_, at) => ask(urls[at % 2] ?? "", `Bearer ${token}`));
        answers.push(...(await Promise.all(asked)));
      }
      expect(answers).toHaveLength(1_000);
      expect(answers.filter(({ status }) => status !== 401)).toEqual([]);
      expect(new Set(answers.map(({ challenge }) => challenge))).toEqual(
        new Set(['Bearer realm="api", error="invalid_token"']),
      );
      expect(answers[0]?.body).toMatchObject({ code: "token_revoked" });
      for (const url of urls) expect(await ask(url, `Bearer ${other}`)).toMatchObject({ status: 200 });
      expect(issuer.keyFetches).toBe(fetches);
      // Of the objects: each call between them was answered, and none of them misses a queue.
      expect(logs.filter((line) => /delayed|failed|unreachable|lost|not_renewed|not_read/.test(line))).toEqual([]);
    });
  });
});

/** Everything but a good token, at one isolate: what a stranger is told is the same whatever is wrong with a token. */
async function expectChallenges(url: string, good: string): Promise<void> {
  const bare = { status: 401, challenge: 'Bearer realm="api"', body: { code: "token_missing", status: 401 } };
  for (const none of [null, "Basic YTpi", "Bearerish x"]) expect(await ask(url, none)).toMatchObject(bare);
  expect(await ask(url, `Bearer ${good}, Bearer ${good}`)).toMatchObject({
    status: 400,
    challenge: 'Bearer realm="api", error="invalid_request"',
  });
  const now = Math.floor(Date.now() / 1_000);
  const bad = [
    "nothing",
    `${good.slice(0, -4)}AAAA`,
    await sign({ aud: "urn:example:billing" }),
    await sign({ iat: now - 700, exp: now - 400 }),
    await sign({ iss: "https://other.example.com" }),
    await sign({ iss: "urn:selvedge:library:nobody", aud: "urn:selvedge:library:nobody" }),
  ];
  const answers = await Promise.all(bad.map((token) => ask(url, `Bearer ${token}`)));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toMatchObject({
    status: 401,
    challenge: 'Bearer realm="api", error="invalid_token"',
    body: { code: "token_invalid" },
  });
  expect(await ask(url, `Bearer ${good}`, "DELETE", "/tokens/x")).toMatchObject({
    status: 403,
    challenge: 'Bearer realm="api", error="insufficient_scope", scope="tokens:end"',
    body: { code: "forbidden" },
  });
}

describe("with the class KeySets", () => {
  const extra = `
import { tokens } from "selvedge/tokens";
const same = tokens({ issuer: ISSUER, allowInsecureKeys: true, audience: "urn:example:inventory", algorithms: ["ES256"] });
const extra = async (request: Request) =>
  Response.json(await same.revoke({ token: await request.text() }, { ack: "regions", request }));
`;

  test("T5 an issuer's keys are fetched once for all isolates, and a token is ended by its text", async () => {
    const guide = source.replace("{ Log, Region }", "{ KeySets, Log, Region }");
    const named = extra.replace("ISSUER", JSON.stringify(issuer.issuer));
    const directory = project("tokens-key-sets", { guide, extra: named, lines: objectLines + keySetsLines });
    await running(directory, async (urls) => {
      const before = issuer.keyFetches;
      const token = await sign({ jti: undefined });
      for (const url of urls) expect(await ask(url, `Bearer ${token}`)).toMatchObject({ status: 200 });
      expect(issuer.keyFetches - before).toBe(1);

      const end = async (body: string) => (await fetch(`${urls[1]}/extra`, { method: "POST", body })).json();
      expect(await end(`${token.slice(0, -4)}AAAA`)).toEqual({ kind: "refused", reason: "token_invalid" });
      expect(await end(token)).toMatchObject({ kind: "revoked", acknowledged: true });
      // The first has its view a moment longer.
      const status = async () => (await ask(urls[0] ?? "", `Bearer ${token}`)).status;
      await expect.poll(status, { timeout: 10_000 }).toBe(401);
    });
  });
});

test("what only the program can have got wrong is thrown, and a missing class is said to be missing", async () => {
  const directory = packed.project("tokens-mistaken", mistaken, "");
  expect(await packed.typeMistakes(directory)).toBe("");
  await running(directory, async ([url = ""]) => {
    const said = (await (await fetch(url)).json()) as readonly string[];
    expect(said[0]).toContain("tokens.algorithms[0]: expected asymmetric algorithms");
    expect(said[1]).toContain("tokens.jwksUri: expected an https URL");
    for (const missing of said.slice(2)) {
      expect(missing).toContain('[exports.Log] and [exports.Region] with type = "durable-object"');
      expect(missing).toContain('export { Log, Region } from "selvedge/objects"');
    }
  });
});
