/** E4 over sockets: what is served after an invalidation was acknowledged everywhere, in every region and isolate. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalMesh } from "../../local/mesh.ts";
import { invalidate, type Read, readVersion } from "../support/mesh-calls.ts";
import { startMesh } from "../support/mesh.ts";
import { VersionedOrigin } from "../support/versioned-origin.ts";

let origin: VersionedOrigin;
let mesh: LocalMesh;

beforeAll(async () => {
  let fills = 0;
  // 50 to 150 ms, in a fixed disorder: fills are under way whenever an invalidation comes.
  origin = await VersionedOrigin.start(() => 50 + ((fills++ * 37) % 101));
  mesh = await startMesh({
    configFile: join(import.meta.dirname, "events.config.ts"),
    isolates: 2,
    origins: { "*": origin.url },
  });
});
afterAll(async () => {
  await mesh.stop();
  origin.stop();
});

function readAt(edge: number, path: string): Promise<Read> {
  return readVersion(`${mesh.edges[edge % mesh.edges.length]?.url}${path}`);
}

/** At each edge until it answers from its cache. */
async function warm(path: string): Promise<void> {
  for (const edge of mesh.edges.keys()) {
    await expect.poll(async () => (await readAt(edge, path)).isHit, { interval: 5, timeout: 5_000 }).toBe(true);
  }
}

const kinds: readonly (readonly [what: string, of: (path: string) => object])[] = [
  ["a tag", (path) => ({ tags: [path.replaceAll("/", "-")] })],
  ["a URL", (path) => ({ urls: [path] })],
  ["a prefix", (path) => ({ prefixes: [path.slice(0, -1)] })],
  ["everything", () => ({ everything: true })],
  ["a tag, softly", (path) => ({ tags: [path.replaceAll("/", "-")], mode: "stale" })],
];

describe("an invalidation with ack=everywhere", () => {
  it.each(kinds)(
    "E4 of %s: 0 of 1000 reads that begin after the answer return what was there before",
    async (kind, of) => {
      const path = `/by-${kind.replaceAll(/\W+/g, "-")}/1`;
      await warm(path);
      expect((await readAt(0, path)).version).toBe(0);
      const written = origin.write(path);
      // The caches are warm: without the invalidation the old body would go on being served.
      expect(await readAt(0, path)).toMatchObject({ version: 0, isHit: true });
      const published = await invalidate(mesh, of(path));
      expect(published.status).toBe(200);
      expect(published.regions.map(({ region }) => region).toSorted()).toEqual(["apac", "enam", "weur"]);
      expect(new Set(published.regions.map(({ state, seq }) => `${state} ${seq}`))).toEqual(
        new Set([`applied ${published.seq}`]),
      );
      const reads = await Promise.all(Array.from({ length: 1_000 }, (_, index) => readAt(index, path)));
      expect(reads.filter(({ status }) => status !== 200)).toHaveLength(0);
      expect(reads.filter(({ version }) => version < written)).toHaveLength(0);
    },
  );

  it("E4 10 000 reads around 12 invalidations: none that begins after an answer is older, while fills are under way", async () => {
    const path = "/rounds/1";
    await warm(path);
    const lateBefore = origin.lateAnswers;
    let acknowledged = 0;
    let reads = 0;
    let stale = 0;
    let oldHits = 0;
    const writer = { isOver: false };
    const reader = async (edge: number): Promise<void> => {
      while (!writer.isOver || reads < 10_000) {
        const least = acknowledged;
        const written = origin.versionOf(path);
        const { isHit, version } = await readAt(edge, path);
        reads += 1;
        if (version < least) stale += 1;
        if (isHit && version < written) oldHits += 1;
      }
    };
    const readers = Promise.all(Array.from({ length: 24 }, (_, index) => reader(index)));
    for (let round = 0; round < 12; round += 1) {
      const cold = `/rounds-late/${round}`;
      const asked = origin.readsOf(cold);
      const fills = Promise.all(mesh.edges.map((_, edge) => readAt(edge, cold)));
      await expect.poll(() => origin.readsOf(cold) - asked, { interval: 1, timeout: 5_000 }).toBeGreaterThan(0);
      origin.write(cold);
      const version = origin.write(path);
      const prefixes = [cold, path];
      const published = await invalidate(mesh, { prefixes }, { at: mesh.edges[round % 6]?.url ?? "" });
      expect(published.status).toBe(200);
      acknowledged = version;
      await fills;
      const after = await Promise.all(mesh.edges.map((_, edge) => readAt(edge, cold)));
      expect(after.map((read) => read.version)).toEqual(mesh.edges.map(() => 1));
    }
    writer.isOver = true;
    await readers;
    expect(reads).toBeGreaterThanOrEqual(10_000);
    // Reads that began after a write were served the old body until the acknowledgement, and in every round some fill
    // came after the write with what was there before: there was something to get wrong.
    expect(oldHits).toBeGreaterThan(0);
    expect(origin.lateAnswers - lateBefore).toBeGreaterThanOrEqual(12);
    expect(stale).toBe(0);
  });

  it("E4 a fill that began before an invalidation and ends after its answer is kept by nobody", async () => {
    const held = async (path: string, meanwhile: () => Promise<void>): Promise<void> => {
      const release = origin.hold(path);
      const fills = mesh.edges.map((_, edge) => readAt(edge, path));
      await expect.poll(() => origin.readsOf(path), { interval: 5, timeout: 5_000 }).toBe(mesh.edges.length);
      origin.write(path);
      await meanwhile();
      release();
      for (const { version } of await Promise.all(fills)) expect(version).toBe(0);
    };
    await held("/held/control", () => Promise.resolve());
    for (const edge of mesh.edges.keys()) {
      // Without an invalidation such a fill is kept and served.
      await expect
        .poll(() => readAt(edge, "/held/control"), { interval: 5, timeout: 5_000 })
        .toMatchObject({ isHit: true, version: 0 });
    }
    await held("/held/1", async () => {
      expect((await invalidate(mesh, { urls: ["/held/1"] })).status).toBe(200);
    });
    const reads = await Promise.all(Array.from({ length: 300 }, (_, index) => readAt(index, "/held/1")));
    expect(reads.filter(({ version }) => version !== 1)).toHaveLength(0);
    await warm("/held/1");
    for (const edge of mesh.edges.keys()) expect((await readAt(edge, "/held/1")).version).toBe(1);
  });
});
