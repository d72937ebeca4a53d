/**
 * Two signals within this time count as one. On Ctrl-C the terminal signals the program, and
 * `deno task` passes the same signal on about a millisecond later.
 */
const SAME_KEYPRESS_MS = 250;

/** Handles the first signal and later ones. */
export interface StopHandler {
  readonly stop: () => void;
  readonly stopNow: () => void;
}

/**
 * Calls `stop` on the first Ctrl-C or SIGTERM, and `stopNow` on each later one.
 *
 * @returns A function that stops as the first signal does. It has no effect after a signal.
 */
export function onStopSignal(handler: StopHandler): () => void {
  let hasStopped = false;
  const stop = () => {
    hasStopped = true;
    handler.stop();
  };
  const listener = stopListener({ ...handler, stop }, () => performance.now());
  // Windows has no SIGTERM. Closing a console window sends SIGBREAK.
  const signals: Deno.Signal[] = ["SIGINT", Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return () => {
    if (!hasStopped) listener();
  };
}

/**
 * Calls `hangup` on each SIGHUP: the terminal was closed, or an administrator sent the signal. A
 * closing terminal may send several. Windows has no SIGHUP.
 */
export function onHangupSignal(hangup: () => void): void {
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", hangup);
}

/** Returns the signal listener. It ignores signals within 250 ms after the first. */
export function stopListener({ stop, stopNow }: StopHandler, nowMs: () => number): () => void {
  let firstAtMs: number | undefined;
  return () => {
    if (firstAtMs === undefined) {
      firstAtMs = nowMs();
      stop();
    } else if (nowMs() - firstAtMs > SAME_KEYPRESS_MS) stopNow();
  };
}
