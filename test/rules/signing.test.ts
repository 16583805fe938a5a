/** Whether the mesh can sign: what an edge remembers of it, and what it makes of a Keyring that does not say. */
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { KeyringProblem, ReadyAnswer } from "../../durable-objects/keyring/contract.ts";
import { Signing } from "../../workers/token/signing.ts";

class Keyring {
  now = 1_795_000_000_000;
  asked = 0;
  problem: KeyringProblem | "silent" | null = null;
  readonly signing = new Signing(
    () => this.#ready(),
    () => this.now,
  );

  async #ready(): Promise<ReadyAnswer> {
    this.asked += 1;
    // As the runtime tells that the object runs older code.
    if (this.problem === "silent") throw new TypeError('The RPC receiver does not implement the method "ready".');
    return this.problem === null ? { v: 1, kind: "ready" } : { v: 1, kind: "refused", reason: this.problem };
  }

  later(ms: number): Promise<KeyringProblem | null> {
    this.now += ms;
    return this.signing.problem();
  }
}

let keyring: Keyring;

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  keyring = new Keyring();
});

describe("whether the mesh can sign", () => {
  test("is what the Keyring says, asked at most once in two seconds", async () => {
    keyring.problem = "key_secret_wrong";
    for (let time = 0; time < 100; time += 1) expect(await keyring.later(19)).toBe("key_secret_wrong");
    expect(keyring.asked).toBe(1);
    keyring.problem = null;
    expect(await keyring.later(2_000)).toBeNull();
    expect(await keyring.later(1_999)).toBeNull();
    expect(keyring.asked).toBe(2);
  });

  test("is not doubted because nobody can say: older code, or an object that is away", async () => {
    keyring.problem = "silent";
    expect(await keyring.later(0)).toBeNull();
  });

  test("stays what was said last while nobody can say", async () => {
    keyring.problem = "key_secret_missing";
    await keyring.later(0);
    keyring.problem = "silent";
    expect(await keyring.later(10_000)).toBe("key_secret_missing");
  });

  test("of many who ask at once when the word is old, one waits for another", async () => {
    await keyring.later(0);
    await Promise.all(Array.from({ length: 50 }, () => keyring.later(2_000 / 50)));
    expect(keyring.asked).toBe(2);
  });

  test("is asked anew when the clock was set back", async () => {
    await keyring.later(0);
    keyring.problem = "key_secret_wrong";
    expect(await keyring.later(-60_000)).toBe("key_secret_wrong");
  });
});
