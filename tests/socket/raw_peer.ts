const encoder = new TextEncoder();

/** The headers of a valid handshake. */
export const HANDSHAKE_HEADERS = [
  "Host: 127.0.0.1",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

/** A peer at the level of TCP. It sends exactly what a test passes, and answers nothing. */
export class RawPeer implements Disposable {
  readonly #conn: Deno.Conn;
  /** Whether the server reset the TCP connection. Reading then ends as usual. */
  wasReset = false;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<RawPeer> {
    return new RawPeer(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Wraps an open connection. */
  static over(conn: Deno.Conn): RawPeer {
    return new RawPeer(conn);
  }

  /** Connects and completes the WebSocket handshake. It reads no byte after it. */
  static async upgrade(port: number, path = "/ws", protocol?: string): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    const offer = protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`];
    await peer.send(
      [`GET ${path} HTTP/1.1`, ...HANDSHAKE_HEADERS, ...offer, "", ""].join("\r\n"),
    );
    const head = await peer.readHead();
    if (!head.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`The server refused the handshake: ${head}`);
    }
    return peer;
  }

  async send(data: string | ArrayLike<number>): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : Uint8Array.from(data);
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Reads this many bytes, or fewer if the server closes the connection. */
  async read(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    let length = 0;
    while (length < count) {
      const read = await this.#read(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    return bytes.subarray(0, length);
  }

  async #read(bytes: Uint8Array): Promise<number | null> {
    try {
      return await this.#conn.read(bytes);
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      this.wasReset = true;
      return null;
    }
  }

  /** Reads until the server closes the connection, and decodes the bytes as text. */
  async readToEnd(): Promise<string> {
    return new TextDecoder().decode(await this.readBytesToEnd());
  }

  /** Reads until the server closes the connection. */
  async readBytesToEnd(): Promise<Uint8Array<ArrayBuffer>> {
    let bytes = new Uint8Array(64 * 1024);
    for (let length = 0;;) {
      const read = await this.#read(bytes.subarray(length));
      if (read === null) return bytes.subarray(0, length);
      length += read;
      if (length < bytes.length) continue;
      const larger = new Uint8Array(2 * length);
      larger.set(bytes);
      bytes = larger;
    }
  }

  /** Reads the server's frames, up to its close frame or the end of the connection. */
  async *frames(): AsyncGenerator<{ opcode: number; payload: Uint8Array }> {
    for (let opcode = 0; opcode !== 8;) {
      const head = await this.read(2);
      if (head.length < 2) return;
      opcode = head[0]! & 15;
      let length = head[1]!;
      if (length === 126) {
        const [high, low] = await this.read(2);
        length = high! << 8 | low!;
      } else if (length === 127) {
        length = Number(new DataView((await this.read(8)).slice().buffer).getBigUint64(0));
      }
      const payload = (await this.read(length)).slice();
      if (payload.length < length) return;
      yield { opcode, payload };
    }
  }

  /** Closes its side of the connection. It can still read. */
  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** The address of this end. */
  get address(): string {
    const { hostname, port } = this.#conn.localAddr as Deno.NetAddr;
    return `${hostname}:${port}`;
  }

  /** Closes the connection. If there are unread bytes, the system resets it. */
  [Symbol.dispose](): void {
    this.#conn.close();
  }

  /** Reads the head of an HTTP response, byte by byte: it reads nothing after the head. */
  async readHead(): Promise<string> {
    let text = "";
    while (!text.endsWith("\r\n\r\n")) {
      const byte = await this.read(1);
      if (byte.length === 0) throw new Error(`The server closed the connection after: ${text}`);
      text += String.fromCharCode(byte[0]!);
    }
    return text;
  }
}

/** An HTTP response. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends a request with exactly these lines as its head, and reads the response. */
export async function rawRequest(port: number, lines: readonly string[]): Promise<RawResponse> {
  using peer = await RawPeer.connect(port);
  await peer.send([...lines, "Connection: close", "", ""].join("\r\n"));
  const [head = "", ...body] = (await peer.readToEnd()).split("\r\n\r\n");
  const [statusLine = "", ...fields] = head.split("\r\n");
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: new Headers(fields.map((field): [string, string] => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon), field.slice(colon + 1).trim()];
    })),
    body: body.join("\r\n\r\n"),
  };
}
