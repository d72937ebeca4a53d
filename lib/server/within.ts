/** Resolves with the promise, or after this long without it. */
export async function withinMs(ms: number, promise: Promise<unknown>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, ms);
  await Promise.race([promise, timeout.promise]);
  clearTimeout(timer);
}
