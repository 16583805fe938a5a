/** Asking the Keyring for the mesh API. It answers once it has decided; whether it did is unknown when it does not. */
import type { KeyringContract } from "../../durable-objects/keyring/contract.ts";
import { withinTime } from "../../durable-objects/platform/deadline.ts";
import { keyringStub } from "../../durable-objects/stubs.ts";
import type { Isolate } from "../isolate.ts";

/** Making a key of 2048 bits takes a moment. */
const callMs = 10_000;

/** Null when no answer came. */
export async function askKeyring<Answer>(
  { env, mesh }: Pick<Isolate, "env" | "mesh">,
  ask: (keyring: KeyringContract) => Promise<Answer>,
): Promise<Answer | null> {
  try {
    return await withinTime(ask(keyringStub(env, mesh.environment)), callMs, "the Keyring");
  } catch (error) {
    console.warn({ event: "keyring_unreachable", error: error instanceof Error ? error.message : "unknown" });
    return null;
  }
}
