import { Mailbox } from "./mailbox.ts";

/** A chat client on Deno's WebSocket that queues the messages it receives. */
export class Peer implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #inbox = new Mailbox<string | ArrayBuffer>();
  readonly #closed = Promise.withResolvers<{ code: number; reason: string }>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#inbox.put(data);
    socket.onclose = ({ code, reason }) => {
      this.#closed.resolve({ code, reason });
      this.#inbox.close(new Error(`The connection was closed with ${code} ${reason}`));
    };
  }

  /** Connects. Rejects with the server's refusal. */
  static async open(
    url: string,
    headers: Record<string, string> = {},
    protocols: string[] = [],
    client?: Deno.HttpClient,
  ): Promise<Peer> {
    const socket = new WebSocket(url, { headers, protocols, ...(client && { client }) });
    const peer = new Peer(socket);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
    return peer;
  }

  static openMany(url: string, count: number): Promise<Peer[]> {
    return Promise.all(Array.from({ length: count }, () => Peer.open(url)));
  }

  /** Resolves with the close code and reason when the connection has ended. */
  get closed(): Promise<{ code: number; reason: string }> {
    return this.#closed.promise;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  /** Resolves with the next message. Rejects if the connection ends before one arrives. */
  next(): Promise<string | ArrayBuffer> {
    return this.#inbox.take();
  }

  /** The next `count` messages. */
  async take(count: number): Promise<(string | ArrayBuffer)[]> {
    const messages = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(1000);
    await this.closed;
  }
}

export async function closeAll(peers: readonly AsyncDisposable[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
}
