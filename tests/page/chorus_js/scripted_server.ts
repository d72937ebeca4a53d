import { Mailbox } from "../../socket/mailbox.ts";

/** A message in either direction. */
export type Json = Readonly<Record<string, unknown>>;

/** A server that does what a test says. It has no chat. */
export class ScriptedServer implements AsyncDisposable {
  /** The connections, in the order in which they opened. */
  readonly connections = new Mailbox<ScriptedConnection>();
  /** Answers requests that are no upgrade. The default has no room. */
  respond: (request: Request) => Response | Promise<Response> = () =>
    new Response("not found", { status: 404 });
  /** Answers an upgrade instead of opening a WebSocket. */
  refuse: () => Response | undefined = () => undefined;
  /** How many WebSockets are open now, and how many were open at most. */
  openCount = 0;
  maxOpenCount = 0;
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => this.#handle(request),
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #handle(request: Request): Response | Promise<Response> {
    if (request.headers.get("upgrade") !== "websocket") return this.respond(request);
    const refusal = this.refuse();
    if (refusal) return refusal;
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "chorus.v1" });
    socket.addEventListener("open", () => {
      this.maxOpenCount = Math.max(this.maxOpenCount, ++this.openCount);
      const { searchParams } = new URL(request.url);
      const protocols = request.headers.get("sec-websocket-protocol") ?? "";
      this.connections.put(new ScriptedConnection(socket, searchParams, protocols));
    });
    socket.addEventListener("close", () => this.openCount--);
    return response;
  }
}

/** A WebSocket that a client has opened. */
export class ScriptedConnection {
  readonly query: URLSearchParams;
  readonly protocols: string;
  readonly #socket: WebSocket;
  readonly #received = new Mailbox<Json>();

  constructor(socket: WebSocket, query: URLSearchParams, protocols: string) {
    this.#socket = socket;
    this.query = query;
    this.protocols = protocols;
    socket.onmessage = ({ data }) => this.#received.put(JSON.parse(data));
    socket.onclose = () => this.#received.close(new Error("The client has closed"));
  }

  /** Sends messages; a string is sent as it is. */
  send(...messages: readonly (Json | string)[]): void {
    for (const each of messages) {
      this.#socket.send(typeof each === "string" ? each : JSON.stringify(each));
    }
  }

  /** Sends a welcome with these fields. */
  welcome(fields: Json = {}): void {
    this.send({
      type: "welcome",
      you: "ann",
      session: "ann.SIGNATURE",
      room: "lobby",
      position: "p0",
      head: "p0",
      recovered: false,
      members: [],
      memberCount: 1,
      maxMessageBytes: 65_536,
      ...fields,
    });
  }

  /** Waits for the next message of the client. */
  next(): Promise<Json> {
    return this.#received.take();
  }

  close(code: number, reason = ""): void {
    this.#socket.close(code, reason);
  }
}
