/** Makes each new `Worker` of this thread run this code instead of its file, until disposed of. */
export function scriptThreads(code: string): Disposable {
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor() {
      super(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
    }
  };
  return { [Symbol.dispose]: () => void (globalThis.Worker = Worker) };
}
