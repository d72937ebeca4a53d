/** `deno task` passes a terminal's Ctrl-C on to a program that the terminal has told already, within a millisecond. */
const SAME_KEYPRESS_MS = 250;

/**
 * Calls `stop` at the first Ctrl-C or SIGTERM, and `stopNow` at the next.
 *
 * @returns Takes the handlers away again.
 */
export function onStopSignal(stop: () => void, stopNow: () => void): () => void {
  let firstAtMs: number | undefined;
  const listener = () => {
    const nowMs = performance.now();
    if (firstAtMs === undefined) {
      firstAtMs = nowMs;
      stop();
    } else if (nowMs - firstAtMs > SAME_KEYPRESS_MS) {
      stopNow();
    }
  };
  // Windows knows no SIGTERM; closing its console window is a SIGBREAK.
  const signals: Deno.Signal[] = ["SIGINT", Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return () => {
    for (const signal of signals) Deno.removeSignalListener(signal, listener);
  };
}
