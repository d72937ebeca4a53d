/** `deno task` passes a terminal's Ctrl-C on to a program that the terminal has told already, within a millisecond. */
const SAME_KEYPRESS_MS = 250;

/** What to do at the first signal, and at the next. */
export interface StopHandler {
  readonly stop: () => void;
  readonly stopNow: () => void;
}

/** Calls `stop` at the first Ctrl-C or SIGTERM, and `stopNow` at the next. */
export function onStopSignal(handler: StopHandler): void {
  const listener = stopListener(handler, () => performance.now());
  // Windows knows no SIGTERM; closing its console window is a SIGBREAK.
  const signals: Deno.Signal[] = ["SIGINT", Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, listener);
}

/** What hears the signals: it takes two that come together for one. */
export function stopListener({ stop, stopNow }: StopHandler, nowMs: () => number): () => void {
  let firstAtMs: number | undefined;
  return () => {
    if (firstAtMs === undefined) {
      firstAtMs = nowMs();
      stop();
    } else if (nowMs() - firstAtMs > SAME_KEYPRESS_MS) stopNow();
  };
}
