/** What the Workers write to their console, for people: one line for each entry, whatever was in it. */
import type { LogEntry } from "./runtime.ts";

/** What a quiet mesh tells. */
export type Loudness = "everything" | "errors";

/** An object with an event, as the runtime shows it: `{ event: 'upstream_failed', requestId: '6a…' }`. */
const eventForm = /^\{ event: '(\w+)'(?:, (.*))? \}$/;

/** `warning upstream_failed  requestId: '6a…', service: 'inventory'`; null for what is not shown. */
export function logLine({ level, message }: LogEntry, loudness: Loudness): string | null {
  if (level === "debug" || (loudness === "errors" && level !== "error")) return null;
  const said = message.replaceAll(/\s*\n\s*/g, " ").trim();
  if (said === "") return null;
  const [, event, rest = ""] = eventForm.exec(said) ?? [];
  const what = event === undefined ? said : `${event}  ${rest}`.trimEnd();
  return `${nameOf(level)} ${what}`;
}

function nameOf(level: string): string {
  if (level === "warn") return "warning";
  return level === "error" ? "error" : "event";
}
