import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BroadcastSender } from "../../durable-objects/log/broadcast-sender.ts";
import type { AppliedReport, BroadcastMessage } from "../../durable-objects/log/contract.ts";
import { Pusher } from "../../durable-objects/log/pusher.ts";
import type { RegionName } from "../../durable-objects/names.ts";
import type { ApplyAnswer } from "../../durable-objects/region/contract.ts";
import { append, makeLog, makeRegion, renew, start } from "../support/log-parts.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: start });
  vi.spyOn(console, "warn").mockReturnValue();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const never = new Promise<never>(() => undefined);

/** A Log with Regions that hold leases; `apply` may be anything between the two. */
function mesh(
  apply: (region: RegionName, message: BroadcastMessage, really: () => ApplyAnswer) => Promise<ApplyAnswer>,
) {
  const { log } = makeLog();
  const regions = { weur: makeRegion().region, enam: makeRegion().region };
  renew(log, regions.weur, "weur", start);
  renew(log, regions.enam, "enam", start);
  const calls: RegionName[] = [];
  const reports: AppliedReport[] = [];
  const pusher = new Pusher({
    apply: (name, message) => {
      calls.push(name);
      const region = regions[name === "weur" ? "weur" : "enam"];
      return apply(name, message, () => {
        region.takeMessage(message);
        const { epoch, applied } = region;
        return { v: 1, kind: "applied", epoch: epoch ?? "", applied, viewsEndMs: region.viewsEndMs(Date.now()) };
      });
    },
    messageFor: (name) => log.messageFor(name, Date.now()),
    head: () => log.head,
    report: (report) => {
      reports.push(report);
      log.report([report], Date.now());
    },
  });
  return { log, regions, calls, reports, pusher };
}

describe("the fast lane", () => {
  test("a region that hangs delays no other, and is given up after a second", async () => {
    const { log, pusher, calls } = mesh((name, _message, really) =>
      name === "enam" ? never : Promise.resolve(really()),
    );
    append(log, 1);
    const hanging = pusher.push("enam");
    await pusher.push("weur");
    const found = log.receipts({ seq: 1, at: start }, Date.now()).map(({ region, state }) => `${region} ${state}`);
    expect(found).toEqual(["weur applied", "enam pending"]);
    await vi.advanceTimersByTimeAsync(1_000);
    await hanging;
    expect(calls).toEqual(["enam", "weur"]);
  });

  test("what is longer than one message is pushed to its end", async () => {
    const { log, pusher, regions } = mesh((_name, _message, really) => Promise.resolve(really()));
    append(log, 1_200);
    await pusher.push("weur");
    expect(regions.weur.applied).toBe(1_200);
  });

  test("a region has a few calls under way, and what came meanwhile goes with the next", async () => {
    const open: (() => void)[] = [];
    const { log, pusher, regions, calls } = mesh(
      (_name, _message, really) =>
        new Promise((resolve) => {
          open.push(() => resolve(really()));
        }),
    );
    const pushes = Array.from({ length: 20 }, () => {
      append(log, 1);
      return pusher.push("weur");
    });
    expect(calls).toHaveLength(4);
    while (open.length > 0) {
      open.shift()?.();
      await vi.advanceTimersByTimeAsync(0);
    }
    await Promise.all(pushes);
    expect(regions.weur.applied).toBe(20);
    expect(calls.length).toBeLessThan(10);
  });

  test("a region that fails or is behind is left to the alarm, not called again and again", async () => {
    const answers: (() => Promise<ApplyAnswer>)[] = [
      () => Promise.reject(new Error("Network connection lost.")),
      () => Promise.resolve({ v: 1, kind: "behind", epoch: null, applied: 0 }),
      () => Promise.resolve({ v: 1, kind: "applied", epoch: "another", applied: 1, viewsEndMs: 0 }),
    ];
    for (const answer of answers) {
      const { log, pusher, calls } = mesh(answer);
      append(log, 2);
      await pusher.push("weur");
      expect(calls).toHaveLength(1);
      expect(log.silentAbout(2, "regions", Date.now())).toEqual(["weur", "enam"]);
    }
  });
});

describe("the durable lane", () => {
  function lane(send: (messages: readonly BroadcastMessage[]) => Promise<unknown>) {
    const { log, ledger } = makeLog();
    renew(log, makeRegion().region, "weur", start);
    return { log, ledger, sender: new BroadcastSender({ core: log, send, now: Date.now, random: () => 0.5 }) };
  }

  test("sends everything once, in order, while events keep coming", async () => {
    const sent: BroadcastMessage[] = [];
    const { log, sender } = lane(async (messages) => {
      sent.push(...messages);
      if (log.head < 40) append(log, 10);
      await Promise.resolve();
    });
    append(log, 1_100);
    await Promise.all([sender.send(), sender.send()]);
    const seqs = sent.flatMap(({ events }) => events?.map(({ seq }) => seq) ?? []);
    expect(seqs).toEqual(Array.from({ length: log.head }, (_, index) => index + 1));
    expect(log.unsent).toBe(0);
  });

  test("a message stays within the platform's bounds", async () => {
    const sent: BroadcastMessage[] = [];
    const { log, sender } = lane(async (messages) => {
      expect(JSON.stringify(messages).length).toBeLessThan(256_000);
      sent.push(...messages);
    });
    const data = "é".repeat(10_000);
    for (let index = 0; index < 30; index += 1) {
      log.append([{ id: `i${index}`, type: "note", data: JSON.stringify(data), retain: null, bytes: 20_100 }], start);
    }
    await sender.send();
    for (const message of sent)
      expect(new TextEncoder().encode(JSON.stringify(message)).byteLength).toBeLessThan(128_000);
    expect(sent.at(-1)?.to).toBe(30);
  });

  test("a queue that fails is asked again later and later, from where it failed, also after a restart", async () => {
    let isUp = false;
    const sent: BroadcastMessage[] = [];
    const { log, ledger, sender } = lane((messages) => {
      if (!isUp) return Promise.reject(new Error("down"));
      sent.push(...messages);
      return Promise.resolve();
    });
    append(log, 3);
    const waits: number[] = [];
    // Within the lease that the region holds: after it nothing is owed.
    for (let turn = 0; turn < 4; turn += 1) {
      await sender.send();
      waits.push((sender.retryAt ?? 0) - Date.now());
      vi.setSystemTime(sender.retryAt ?? 0);
    }
    expect(waits).toEqual([375, 750, 1_500, 3_000]);
    const { log: restarted } = makeLog({}, ledger, Date.now());
    expect(restarted.unsent).toBe(3);
    isUp = true;
    const again = new BroadcastSender({
      core: restarted,
      send: async (messages) => sent.push(...messages),
      now: Date.now,
      random: Math.random,
    });
    await again.send();
    expect(sent).toMatchObject([{ after: 0, to: 3, regions: ["weur"] }]);
  });

  test("a send that never ends is given up, and what it carried is sent again", async () => {
    const answers = [never, Promise.resolve()];
    const { log, sender } = lane(() => answers.shift() ?? Promise.resolve());
    append(log, 1);
    const first = sender.send();
    await vi.advanceTimersByTimeAsync(10_000);
    await first;
    expect(log.unsent).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await sender.send();
    expect(log.unsent).toBe(0);
  });

  test("without a queue nothing is owed to it, and what a push has lost is left to the alarm", async () => {
    const { log } = makeLog();
    renew(log, makeRegion().region, "weur", start);
    const sender = new BroadcastSender({ core: log, send: null, now: Date.now, random: Math.random });
    append(log, 2);
    await sender.send();
    expect(log.unsent).toBe(0);
    expect(sender.retryAt).toBeNull();
    expect(log.silentAbout(2, "regions", Date.now())).toEqual(["weur"]);
  });

  test("where no region may serve a view nothing is sent, and nothing is owed", async () => {
    const { log } = makeLog();
    const sender = new BroadcastSender({
      core: log,
      send: () => Promise.reject(new Error("asked")),
      now: Date.now,
      random: Math.random,
    });
    append(log, 2);
    await sender.send();
    expect(log.unsent).toBe(0);
    expect(sender.retryAt).toBeNull();
  });
});
