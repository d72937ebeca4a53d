/** A message in the room of a {@linkcode ScriptedChorus}. */
export interface ScriptedSaid {
  readonly position: string;
  readonly from: string;
  readonly text: string;
}

/** A client of a {@linkcode ScriptedChorus}. */
export interface ScriptedMember {
  readonly id: string;
  send(message: unknown): void;
}

/** How a {@linkcode ScriptedChorus} differs from a good server. */
export interface ChorusScript {
  /** Handles the message with this index. Without it, the server publishes it and sends the ack. */
  readonly onSay?: (
    say: { readonly id: string; readonly text: string },
    context: {
      readonly index: number;
      readonly self: ScriptedMember;
      readonly server: ScriptedChorus;
    },
  ) => void;
  /** What is replayed to a client that resumes. Without it, all that it has missed. */
  readonly replay?: (
    missed: readonly ScriptedSaid[],
    self: ScriptedMember,
    all: readonly ScriptedSaid[],
  ) => Iterable<unknown>;
  /** What the history has. Without it, every message. */
  readonly history?: (all: readonly ScriptedSaid[]) => readonly ScriptedSaid[];
  /** Whether the server says that it retains no messages before those of the history. */
  readonly isLimited?: boolean;
  /** How many messages a page of the history has at most. */
  readonly pageLength?: number;
  /** The subprotocol that the server chooses. */
  readonly protocol?: string;
  /** The answer to a request over HTTP. */
  readonly respond?: (request: Request) => Response | Promise<Response> | undefined;
  /** How messages are encoded. */
  readonly encode?: (message: unknown) => string;
}

const EPOCH = "0123456789abcdef";

/** A server that speaks `chorus.v1`, with one room and faults as a test needs them. */
export class ScriptedChorus implements AsyncDisposable {
  readonly log: ScriptedSaid[] = [];
  readonly members = new Set<ScriptedMember>();
  readonly #script: ChorusScript;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #ids = new Map<string, number>();
  #sayCount = 0;
  #memberCount = 0;

  constructor(script: ChorusScript = {}) {
    this.#script = script;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => {
        const response = script.respond?.(request);
        if (response) return response;
        return request.headers.has("upgrade") ? this.#accept(request) : this.#history(request);
      },
    );
  }

  get port(): number {
    return this.#server.addr.port;
  }

  /** Publishes a message to all members except its author. @returns Its position. */
  publish(text: string, author: ScriptedMember, id?: string): string {
    const key = `${author.id} ${id}`;
    const known = id === undefined ? undefined : this.#ids.get(key);
    if (known !== undefined) return `${EPOCH}-${known}`;
    const position = this.append(text, author);
    if (id !== undefined) this.#ids.set(key, this.log.length);
    for (const member of this.members) if (member !== author) member.send(said(this.log.at(-1)!));
    return position;
  }

  /** Adds a message to the room, but sends it to nobody. @returns Its position. */
  append(text: string, author: ScriptedMember): string {
    const position = `${EPOCH}-${this.log.length + 1}`;
    this.log.push({ position, from: author.id, text });
    return position;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #accept(request: Request): Response {
    const { protocol = "chorus.v1", encode = JSON.stringify, onSay, replay } = this.#script;
    const { socket, response } = Deno.upgradeWebSocket(request, protocol ? { protocol } : {});
    const { searchParams } = new URL(request.url);
    const since = searchParams.get("since");
    const id = searchParams.get("session") ?? `member-${++this.#memberCount}`;
    const send = (message: unknown) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(encode(message));
    };
    const self = { id, send };
    socket.onopen = () => {
      const seq = since === null ? this.log.length : Number(since.split("-")[1]);
      const missed = this.log.slice(seq);
      send({ type: "welcome", session: id, position: `${EPOCH}-${seq}` });
      for (const each of replay && since ? replay(missed, self, this.log) : missed) {
        send((each as { type?: string }).type ? each : said(each as ScriptedSaid));
      }
      this.members.add(self);
    };
    socket.onclose = () => this.members.delete(self);
    socket.onerror = () => this.members.delete(self);
    socket.onmessage = ({ data }) => {
      const say = JSON.parse(data);
      if (onSay) onSay(say, { index: this.#sayCount++, self, server: this });
      else send({ type: "ack", id: say.id, position: this.publish(say.text, self, say.id) });
    };
    return response;
  }

  #history(request: Request): Response {
    const { searchParams, pathname } = new URL(request.url);
    if (pathname === "/rooms") {
      const rooms = [{ name: "lobby", memberCount: 1, position: `${EPOCH}-${this.log.length}` }];
      return Response.json({ rooms });
    }
    const after = Number(searchParams.get("after")?.split("-")[1] ?? 0);
    const limit = Number(searchParams.get("limit"));
    const all = this.#script.history?.(this.log) ?? this.log;
    const isExpired = all[0] !== undefined && seqOf(all[0]) > after + 1 && this.#script.isLimited;
    const rest = all.filter((each) => seqOf(each) > after);
    const page = rest.slice(0, Math.min(limit, this.#script.pageLength ?? limit));
    const position = page.at(-1)?.position ?? `${EPOCH}-${after}`;
    return Response.json(
      {
        ...{ room: "lobby", position, recovered: !isExpired, missedCount: 0 },
        messages: page.map(said),
      },
      page.length < rest.length ? { headers: { link: `<?after=${position}>; rel="next"` } } : {},
    );
  }
}

function seqOf({ position }: ScriptedSaid): number {
  return Number(position.split("-")[1]);
}

function said({ position, from, text }: ScriptedSaid) {
  return { type: "said", position, from, name: null, text, at: "2026-11-25T21:00:00.000Z" };
}
