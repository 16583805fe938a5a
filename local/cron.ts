import { CannotStart } from "./cannot-start.ts";

const minuteMs = 60_000;

/**
 * Calls `tick` at each full minute; returns what ends it. The local runtime has no clock for crons, and the mesh needs
 * one that strikes every minute: another line in wrangler.toml would be silently dead here, so it is refused.
 */
export function startCron(crons: readonly string[], tick: () => Promise<void>): () => void {
  const other = crons.find((cron) => cron !== "* * * * *");
  if (other !== undefined)
    throw new CannotStart(`wrangler.toml: triggers.crons: expected "* * * * *": received "${other}"`);
  if (crons.length === 0) return () => {};
  let timer: NodeJS.Timeout;
  const wait = () => {
    timer = setTimeout(strike, minuteMs - (Date.now() % minuteMs));
    timer.unref();
  };
  const strike = () => {
    tick().catch((error: unknown) => process.stderr.write(`the cron failed: ${String(error)}\n`));
    wait();
  };
  wait();
  return () => clearTimeout(timer);
}
