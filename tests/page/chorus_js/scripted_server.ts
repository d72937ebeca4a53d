import { createServer, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { Connection } from "../../../lib/websocket/connection.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import { handshakeResponse } from "../../../lib/websocket/handshake.ts";
import { SocketTransport } from "../../../lib/websocket/transport/socket_transport.ts";
import { IGNORE_EVENTS } from "../../../lib/websocket/transport/transport.ts";
import { Mailbox } from "../../socket/mailbox.ts";

/** A message in either direction. */
export type Json = Readonly<Record<string, unknown>>;

/** The answer to an HTTP request, also to a WebSocket handshake that is refused. */
export interface Answer {
  readonly status: number;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const LIBRARY = new URL("../../../lib/server/page/chorus.js", import.meta.url);

/** A server that does what a test says. It has no chat, but a page and the library for browsers. */
export class ScriptedServer implements AsyncDisposable {
  /** The WebSockets, in the order in which they opened. */
  readonly connections = new Mailbox<ScriptedConnection>();
  /** Answers requests; undefined opens a WebSocket. */
  answer: (request: IncomingMessage) => Answer | undefined = () => undefined;
  /** How many WebSockets are open. */
  openCount = 0;
  maxOpenCount = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedServer> {
    const http = createServer((request, response) => {
      const { status, detail, headers } = server.answer(request) ?? { status: 404, detail: "none" };
      if (request.url === "/healthz") response.end("ok");
      else if (request.url === "/chorus.js") {
        response.writeHead(200, { "content-type": "text/javascript" });
        response.end(Deno.readFileSync(LIBRARY));
      } else {
        response.writeHead(status, { connection: "close", ...headers });
        response.end(JSON.stringify({ status, detail }));
      }
    });
    const server = new ScriptedServer(http);
    http.on("connection", (socket) => {
      server.#sockets.add(socket);
      socket.on("close", () => server.#sockets.delete(socket));
    });
    http.on("upgrade", (request, socket) => server.#upgrade(request, socket as Socket));
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #upgrade(request: IncomingMessage, socket: Socket): void {
    const refusal = this.answer(request);
    if (refusal) {
      socket.end(`HTTP/1.1 ${refusal.status} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.maxOpenCount = Math.max(this.maxOpenCount, ++this.openCount);
    const transport = new SocketTransport(socket, IGNORE_EVENTS);
    const connection = new ScriptedConnection(transport, request, () => this.openCount--);
    transport.write(handshakeResponse(request.headers["sec-websocket-key"]!, "chorus.v1"));
    this.connections.put(connection);
  }
}

/** A WebSocket that a client has opened. */
export class ScriptedConnection {
  /** The query of the handshake. */
  readonly query: Readonly<Record<string, string>>;
  /** The subprotocols that the client has offered. */
  readonly protocols: string;
  readonly #connection: Connection;
  readonly #received = new Mailbox<Json>();

  constructor(transport: SocketTransport, request: IncomingMessage, onClosed: () => void) {
    this.query = Object.fromEntries(new URL(request.url!, "http://host").searchParams);
    this.protocols = String(request.headers["sec-websocket-protocol"]);
    const options = { role: "server", maxMessageBytes: 1e6, clock: { nowMs: 0 } } as const;
    this.#connection = new Connection(transport, options, {
      onMessage: (_opcode, bytes, start, end) =>
        this.#received.put(JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)))),
      onClosing: () => {},
      onClosed: () => {
        onClosed();
        this.#received.close(new Error("The WebSocket is closed"));
      },
      backlog: undefined,
    });
  }

  /** Sends messages. A text is sent as it is. */
  send(...messages: readonly (Json | string)[]): void {
    for (const each of messages) {
      const text = typeof each === "string" ? each : JSON.stringify(each);
      this.#connection.send(OPCODE.text, new TextEncoder().encode(text));
    }
  }

  /** Sends a welcome with these fields. */
  welcome(fields: Json = {}): void {
    this.send({
      ...{ type: "welcome", you: "ann", session: "ann.SIGNATURE", room: "lobby" },
      ...{ position: "p0", head: "p0", recovered: false, members: [], memberCount: 1 },
      ...{ maxMessageBytes: 65_536 },
      ...fields,
    });
  }

  /** Waits for the next message of the client. Rejects if the WebSocket closes first. */
  next(): Promise<Json> {
    return this.#received.take();
  }

  /** Closes with a close frame. */
  close(code: number, reason = ""): void {
    this.#connection.close({ code, reason });
  }

  /** Ends the connection without a close frame. */
  reset(): void {
    this.#connection.destroy({ code: 1006, reason: "" });
  }
}
