import { payloadStart } from "../../../lib/websocket/frame.ts";
import { close, connectTo, type Poller, receive, send } from "../libc.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const READ_BUFFER = new Uint8Array(1024 * 1024);
const NOTHING = new Uint8Array(0);

/** Where to connect, and what to do with the frames that come. */
export interface ClientOptions {
  readonly port: number;
  /** The query of the address, such as `room=tea&last=50`. */
  readonly query: string;
  /** The subprotocol to offer, if any. */
  readonly protocol?: string;
  /** Called for the payload `bytes[start, end)` of each frame. The bytes are only lent. */
  readonly onFrame: (bytes: Uint8Array, start: number, end: number) => void;
}

/** A WebSocket client of a bench. It checks nothing, and answers no pings. */
export class Client {
  readonly #fd: number;
  readonly #poller: Poller;
  readonly #tag: number;
  readonly #onFrame: ClientOptions["onFrame"];
  #rest = NOTHING;
  #pending = NOTHING;
  #isUpgraded = false;

  /** @param tag With what the poller reports the events of this client. */
  constructor(poller: Poller, tag: number, { port, query, protocol, onFrame }: ClientOptions) {
    this.#poller = poller;
    this.#tag = tag;
    this.#onFrame = onFrame;
    this.#fd = connectTo(port);
    poller.add(this.#fd, tag, { isReading: true, isWriting: false });
    this.send(encoder.encode(
      `GET /ws?${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        (protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : "") +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ));
  }

  get isUpgraded(): boolean {
    return this.#isUpgraded;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const wasPending = this.#pending.length > 0;
    let left = wasPending ? concat([this.#pending, bytes]) : bytes;
    for (let sent; left.length > 0 && (sent = send(this.#fd, left)) > 0;) {
      left = left.subarray(sent);
    }
    this.#pending = left;
    const isWriting = left.length > 0;
    if (wasPending !== isWriting) {
      this.#poller.change(this.#fd, this.#tag, { isReading: true, isWriting });
    }
  }

  /** @throws If the server has closed the connection, or refuses it. */
  onEvent({ canRead, canWrite }: { canRead: boolean; canWrite: boolean }): void {
    if (canWrite) this.send(NOTHING);
    if (!canRead) return;
    const length = receive(this.#fd, READ_BUFFER);
    if (length === 0) throw new Error("The server closed a connection");
    if (length > 0) this.#read(concat([this.#rest, READ_BUFFER.subarray(0, length)]));
  }

  end(): void {
    this.#poller.remove(this.#fd);
    close(this.#fd);
  }

  #read(bytes: Uint8Array<ArrayBuffer>): void {
    let at = this.#isUpgraded ? 0 : this.#passHead(bytes);
    const view = new DataView(bytes.buffer);
    while (this.#isUpgraded && bytes.length - at >= 2) {
      const short = bytes[at + 1]!;
      if (bytes.length - at < 10 && short > 125) break;
      const start = payloadStart(bytes, at);
      const length = short < 126
        ? short
        : short === 126
        ? view.getUint16(at + 2)
        : view.getUint32(at + 6);
      if (start + length > bytes.length) break;
      this.#onFrame(bytes, start, start + length);
      at = start + length;
    }
    this.#rest = bytes.slice(at);
  }

  #passHead(bytes: Uint8Array): number {
    const text = decoder.decode(bytes);
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd < 0) return 0;
    if (!text.startsWith("HTTP/1.1 101")) throw new Error(`Refused: ${text}`);
    this.#isUpgraded = true;
    return headEnd + 4;
  }
}

/** Joins pieces of bytes. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
