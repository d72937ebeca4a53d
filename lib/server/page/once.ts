/**
 * Calls an asynchronous function once, for all callers. A call that failed is forgotten, so the
 * next caller tries again.
 */
export function once<Result>(load: () => Promise<Result>): () => Promise<Result> {
  let loaded: Promise<Result> | undefined;
  return () =>
    loaded ??= load().catch((error) => {
      loaded = undefined;
      throw error;
    });
}
