/** What a browser makes of an event stream (HTML, section 9.2.6), read slowly and by the letter. */
export interface SeenEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** Those that are dispatched by the end of this text; what has begun after them is none. */
export function eventsIn(text: string): readonly SeenEvent[] {
  const seen: SeenEvent[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  // What no line end follows is no line.
  lines.pop();
  let type = "";
  let id = "";
  let data: string[] = [];
  for (const line of lines) {
    if (line === "") {
      if (data.length > 0) seen.push({ type: type === "" ? "message" : type, data: data.join("\n"), lastEventId: id });
      type = "";
      data = [];
      continue;
    }
    const { field = "", value = "" } = /^(?<field>[^:]*)(?:: ?(?<value>.*))?$/.exec(line)?.groups ?? {};
    if (field === "event") type = value;
    else if (field === "data") data.push(value);
    else if (field === "id") id = value;
  }
  return seen;
}
