/** T3, T4 and T7 over sockets: what logs in once, what comes twice, what logs out, and the keys beneath all of them. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthClient, type Granted, inTurns } from "../support/auth-client.ts";
import { EchoOrigin } from "../support/echo-origin.ts";
import { startMesh } from "../support/mesh.ts";

let origin: EchoOrigin;
let client: AuthClient;

beforeAll(async () => {
  origin = await EchoOrigin.start();
  client = await open("sessions.config.ts");
});

afterAll(async () => {
  await client.mesh.stop();
  await origin[Symbol.asyncDispose]();
});

async function open(config: string, regions?: readonly ["weur", "enam"]): Promise<AuthClient> {
  const configFile = join(import.meta.dirname, config);
  const origins = { "*": origin.url };
  return AuthClient.open(await startMesh({ configFile, origins, ...(regions === undefined ? {} : { regions }) }));
}

const times = 200;
const rounds = Array.from({ length: times }, (_, round) => round);
/** A few at a time; the two of a pair leave together. */
const inPairs = (ask: (round: number) => Promise<readonly Granted[]>) =>
  inTurns(
    rounds.map((round) => () => ask(round)),
    4,
  );
const outcomeOf = (answers: readonly Granted[]) =>
  answers.map(({ status, error = "given" }) => `${status} ${error}`).toSorted();
const winnersOf = (pairs: readonly (readonly Granted[])[]) => pairs.flat().filter(({ status }) => status === 200);
const onceEach = rounds.map(() => ["200 given", "400 invalid_grant"]);

/** Once each edge has heard of the last end: within a view lease. What is dead is not asked about again. */
async function expectAllDead(granted: readonly Granted[]): Promise<void> {
  let living: readonly string[] = granted.map(({ access_token: token }) => token);
  const count = async () => (living = await client.living(living)).length;
  await expect.poll(count, { timeout: 30_000, interval: 100 }).toBe(0);
}

describe("T7 at two regions at the same instant, 200 times", () => {
  test("a code gives tokens exactly once, and they end with its second use", async () => {
    const pairs = await inPairs(async (round) => {
      const code = await client.code(round);
      return Promise.all([client.redeem(code, round), client.redeem(code, round + 1)]);
    });
    expect(pairs.map(outcomeOf)).toEqual(onceEach);
    const winners = winnersOf(pairs);
    await expectAllDead(winners);
    const later = await inTurns(
      winners.map(
        ({ refresh_token: token }, round) =>
          () =>
            client.refresh(token, round),
      ),
    );
    expect(later.filter(({ error }) => error !== "invalid_grant")).toEqual([]);
  });

  test("a refresh token gives tokens exactly once, and all that came of the login end", async () => {
    const firsts: Granted[] = [];
    const pairs = await inPairs(async (round) => {
      const first = await client.redeem(await client.code(round), round);
      firsts.push(first);
      const { refresh_token: token } = first;
      return Promise.all([client.refresh(token, round + 1), client.refresh(token, round + 2)]);
    });
    expect(pairs.map(outcomeOf)).toEqual(onceEach);
    const winners = winnersOf(pairs);
    await expectAllDead([...winners, ...firsts]);
    const later = await inTurns(
      winners.map(
        ({ refresh_token: token }, round) =>
          () =>
            client.refresh(token, round),
      ),
    );
    expect(later.filter(({ error }) => error !== "invalid_grant")).toEqual([]);
  });
});

describe("T3 who logs in at one edge", () => {
  const requests = 10_000;

  test(`is logged out at another with ack=everywhere: 0 of ${requests} requests that begin afterwards are let in`, async () => {
    const { access_token: token } = await client.logIn(0);
    const { access_token: other } = await client.logIn(0);
    for (const edge of [1, 2, 0])
      expect([await client.use(token, edge), await client.use(other, edge)]).toEqual([200, 200]);
    const reached = origin.calls.get("/echo") ?? 0;
    const loggedOut = await fetch(`${client.at(2)}/logout?ack=everywhere`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    expect(loggedOut.status).toBe(204);
    const asks = Array.from({ length: requests }, (_, edge) => () => client.use(token, edge));
    const statuses = await inTurns(asks);
    expect(statuses.filter((status) => status !== 401)).toEqual([]);
    expect(origin.calls.get("/echo")).toBe(reached);
    expect(await client.letIn([other])).toBe(3);
  });
});

describe("T3 who is logged out everywhere", () => {
  test("logs in again at once at any edge and stays in, while what was got before gets nothing more anywhere", async () => {
    const edges = [0, 1, 2];
    const before = await Promise.all(edges.map((edge) => client.logIn(edge)));
    const { access_token: token } = before[0] ?? { access_token: "" };
    const ended = await fetch(`${client.at(1)}/tokens/ada`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` },
    });
    expect(ended.status).toBe(204);
    const refreshing = before.map(({ refresh_token: old }, edge) => client.refresh(old, edge));
    const after = await Promise.all(edges.map((edge) => client.logIn(edge)));
    expect((await Promise.all(refreshing)).map(({ status, error }) => `${status} ${error}`)).toEqual(
      edges.map(() => "400 invalid_grant"),
    );
    const tokens = (granted: readonly Granted[]) => granted.map(({ access_token: each }) => each);
    await expectAllDead(before);
    expect(await client.letIn(tokens(after))).toBe(9);
    const renewed = await Promise.all(after.map(({ refresh_token: next }, edge) => client.refresh(next, edge + 1)));
    expect(renewed.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

interface Key {
  readonly kid: string;
  readonly standing: string;
}

const kidOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as Key).kid;

async function keys(): Promise<readonly Key[]> {
  const { keys: all } = (await client.admin("GET", "/signing-keys")) as { readonly keys: readonly Key[] & object };
  return all.filter((key) => (key as Key & { readonly purpose: string }).purpose === "access");
}

const current = async () => (await keys()).find(({ standing }) => standing === "current")?.kid ?? "";

/** The next key must have settled: until then it is refused, and asked again. */
async function rotate(): Promise<void> {
  const asked = async () => (await client.adminCall("POST", "/signing-keys/rotate")).status;
  await expect.poll(asked, { timeout: 15_000, interval: 100 }).toBe(200);
}

/** Who has logged in goes on asking, at every edge; now and then somebody logs in. */
class Load {
  readonly tokens: string[] = [];
  readonly refused: string[] = [];
  requests = 0;
  #isOver = false;
  readonly #work = [0, 1, 2].map((edge) => this.#run(edge));

  async logIn(edge: number): Promise<string> {
    const { access_token: token } = await client.logIn(edge);
    this.tokens.push(token);
    return token;
  }

  async end(): Promise<this> {
    this.#isOver = true;
    await Promise.all(this.#work);
    return this;
  }

  async #run(edge: number): Promise<void> {
    for (let turn = edge; !this.#isOver; turn += 1) {
      const known = this.tokens[turn % this.tokens.length];
      const token = known === undefined || turn % 50 === 0 ? await this.logIn(turn) : known;
      const { status, code } = await client.ask(token, turn);
      this.requests += 1;
      if (status !== 200) this.refused.push(`${status} ${code} at edge ${turn % 3}`);
    }
  }
}

describe("T4 signing keys", () => {
  test("rotated three times under load refuse nobody; one that is removed opens nothing at any edge", async () => {
    const load = new Load();
    const first = await load.logIn(0);
    const signers = [await current()];
    for (let rotation = 0; rotation < 3; rotation += 1) {
      await rotate();
      signers.push(await current());
      const fresh = await load.logIn(rotation);
      expect(kidOf(fresh)).toBe(signers.at(-1));
      expect(await client.letIn([fresh, first])).toBe(6);
    }
    const { tokens, refused, requests } = await load.end();
    console.info(`${requests} requests with ${tokens.length} tokens of ${new Set(tokens.map(kidOf)).size} keys`);
    expect(refused).toEqual([]);
    expect(new Set(signers).size).toBe(4);
    expect(new Set(tokens.map(kidOf))).toEqual(new Set(signers));

    await expectRemoved(signers[0] ?? "", tokens);
    await expectRemoved(
      signers[3] ?? "",
      tokens.filter((token) => kidOf(token) !== signers[0]),
    );
    expect(await client.letIn([(await client.logIn(1)).access_token])).toBe(3);
  });
});

/** Every token of the key is dead when the answer is there, and no other one. */
async function expectRemoved(kid: string, tokens: readonly string[]): Promise<void> {
  await client.admin("DELETE", `/signing-keys/${kid}?ack=everywhere`);
  const its = tokens.filter((token) => kidOf(token) === kid);
  const others = tokens.filter((token) => kidOf(token) !== kid);
  expect(its.length).toBeGreaterThan(0);
  expect(await client.living(Array.from({ length: 300 }, (_, turn) => its[turn % its.length] ?? ""))).toEqual([]);
  expect(await client.letIn(others)).toBe(others.length * 3);
}

describe("T7 with graceMs", () => {
  let lenient: AuthClient;
  beforeAll(async () => {
    lenient = await open("sessions-grace.config.ts", ["weur", "enam"]);
  });
  afterAll(() => lenient.mesh.stop());

  test("a refresh token that comes twice at the same instant gives the same successor, and ends nobody", async () => {
    let { refresh_token: token } = await lenient.redeem(await lenient.code());
    for (let round = 0; round < 50; round += 1) {
      const pair = await Promise.all([lenient.refresh(token, round), lenient.refresh(token, round + 1)]);
      expect(outcomeOf(pair)).toEqual(["200 given", "200 given"]);
      const [one, other] = pair;
      expect(one.refresh_token).toBe(other.refresh_token);
      expect(one.refresh_token).not.toBe(token);
      token = one.refresh_token;
    }
  });

  test("one that is older than the last but one ends all that came of the login", async () => {
    const { refresh_token: first } = await lenient.redeem(await lenient.code());
    const second = await lenient.refresh(first);
    const third = await lenient.refresh(second.refresh_token, 1);
    expect(outcomeOf([await lenient.refresh(first, 1)])).toEqual(["400 invalid_grant"]);
    expect(outcomeOf([await lenient.refresh(third.refresh_token)])).toEqual(["400 invalid_grant"]);
    await expect.poll(() => lenient.living([third.access_token]), { timeout: 10_000, interval: 100 }).toEqual([]);
  });
});
