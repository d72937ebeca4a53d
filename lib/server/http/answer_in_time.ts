/** How long a request waits until messages are stored, deleted, or read. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Settles as `act` does, or resolves with `late` after ten seconds: while messages cannot be stored
 * or read, a client should not wait without an answer. What `act` has begun goes on. The signal
 * aborts then, so that it begins nothing more.
 */
export async function answerInTime<Answer, Late>(
  act: (signal: AbortSignal) => Promise<Answer>,
  late: Late,
): Promise<Answer | Late> {
  const controller = new AbortController();
  const timeout = Promise.withResolvers<Late>();
  const timer = setTimeout(() => {
    controller.abort();
    timeout.resolve(late);
  }, ANSWER_TIMEOUT_MS);
  try {
    return await Promise.race([act(controller.signal), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
