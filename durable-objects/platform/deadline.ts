/** Waits for a promise no longer than a deadline: what is late counts as lost, and what it does later is harmless. */
export type InTime<Answer> = { readonly kind: "answered"; readonly answer: Answer } | { readonly kind: "late" };

export async function inTime<Answer>(promise: Promise<Answer>, deadlineMs: number): Promise<InTime<Answer>> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<InTime<Answer>>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "late" }), deadlineMs);
  });
  try {
    return await Promise.race([promise.then((answer) => ({ kind: "answered" as const, answer })), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same for who treats late as failed. */
export async function withinTime<Answer>(promise: Promise<Answer>, deadlineMs: number, what: string): Promise<Answer> {
  const ended = await inTime(promise, deadlineMs);
  if (ended.kind === "late") throw new Error(`${what} did not answer within ${deadlineMs} ms`);
  return ended.answer;
}
