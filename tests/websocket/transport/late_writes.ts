import { Socket } from "node:net";

type Write = (chunk: Uint8Array, encoding: string, callback: (error?: Error) => void) => void;

/**
 * Makes `Socket._write()` report in a later turn that it has written, until this is disposed.
 *
 * This is what {@linkcode checkDirectWrite} has to notice.
 */
export function delayWriteCallbacks(): Disposable {
  const prototype = Socket.prototype as unknown as { _write: Write };
  const { _write } = prototype;
  prototype._write = function (chunk, encoding, callback) {
    _write.call(this, chunk, encoding, (error) => setTimeout(callback, 0, error));
  };
  return { [Symbol.dispose]: () => prototype._write = _write };
}
