/**
 * Ends this process with the npm that started it.
 *
 * npm runs a script in a shell and hands a signal to that shell only; the shell dies of it and leaves its own child
 * running. Nothing tells the child but that it has another parent now, so it looks.
 */
const lookMs = 200;

/** Read as soon as there is one: it may be gone before anybody asks. */
const parent = process.ppid;

/**
 * Calls `end` once, when the process that started this one is gone. Where that was not npm nothing is done: who starts
 * the script by itself, in the background of a shell, may well end before it.
 */
export function onceOrphaned(end: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    end();
  }, lookMs);
  timer.unref();
}
