/** Waits for a promise no longer than a deadline: what is late counts as lost, and what it does later is harmless. */
export async function withinTime<Answer>(answer: Promise<Answer>, deadlineMs: number, what: string): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what} did not answer within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
