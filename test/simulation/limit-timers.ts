/** The process's timers on virtual time: what desks wait for passes with the world, not with the machine. */
import type { VirtualTime } from "./virtual-time.ts";

/** `fired` is told of each timer that really ends. The answer puts the machine's own timers back. */
export function takeOverTimers(time: VirtualTime, fired: () => void = () => undefined): () => void {
  const { setTimeout, clearTimeout } = globalThis;
  const live = new Set<number>();
  let ids = 0;
  globalThis.setTimeout = ((callback: () => void, ms = 0) => {
    ids += 1;
    const id = ids;
    live.add(id);
    time.after(ms, () => {
      if (!live.delete(id)) return;
      fired();
      callback();
    });
    return id;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((id: number) => void live.delete(id)) as typeof clearTimeout;
  return () => Object.assign(globalThis, { setTimeout, clearTimeout });
}

/** Everything that promises still have to do in this moment. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
