/** The cron tick: knocks at the Log, which re-arms what an alarm lost. A platform alarm is dropped after six failures. */
import { logStub } from "../durable-objects/stubs.ts";

export async function heartbeat(environment: string, env: Env): Promise<void> {
  await logStub(env, environment).wake();
}
