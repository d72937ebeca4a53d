/// <reference lib="deno.worker" />
/**
 * The thread of a `PreciseWait`. It sleeps with a futex, which wakes up about 0.1 ms late. A timer
 * of the event loop counts in whole milliseconds.
 *
 * The two threads share three words. The other thread writes how long to sleep into the first word,
 * in microseconds. This thread writes 1 into the second after that time. Nobody writes the third.
 *
 * @module
 */
self.onmessage = ({ data: words }: MessageEvent<Int32Array<SharedArrayBuffer>>) => {
  self.postMessage("ready");
  for (;;) {
    Atomics.wait(words, 0, 0);
    Atomics.wait(words, 2, 0, Atomics.exchange(words, 0, 0) / 1000);
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
  }
};
