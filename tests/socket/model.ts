import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../lib/load/seeded_random.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { ModelUser, seqOf } from "./model_user.ts";
import { RoomModel } from "./room_model.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** After this time, a run is stuck. */
const STUCK_MS = 60_000;

const ROUND_COUNT = 12;
const MAX_USERS = 8;

/** More than the system buffers for a connection that is not read. */
const FLOOD_COUNT = 270;
const FLOOD_PADDING = "x".repeat(60_000);

/**
 * Declares a test for each engine, with and without a data file. Each compares a room with the
 * model in `runCount` runs, with one seed per run from `firstSeed` on. A failure names its seed.
 */
export function testRoomModel(runCount: number, firstSeed: number): void {
  for (const engine of ENGINES) {
    for (const kind of ["in memory", "with --data"]) {
      Deno.test(`${engine}: a room ${kind} matches the model (${runCount} × from seed ${firstSeed})`, async () => {
        const folder = await Deno.makeTempDir();
        try {
          for (let seed = firstSeed; seed < firstSeed + runCount; seed++) {
            await runModel(engine, kind === "in memory" ? "" : `${folder}/${seed}.db`, seed);
          }
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      });
    }
  }
}

async function runModel(engine: ServerConfig["engine"], data: string, seed: number): Promise<void> {
  const replay = `replay it with MODEL_SEED=${seed} MODEL_RUNS=1 deno task soak`;
  const stuck = setTimeout(() => {
    throw new Error(`A run got stuck: ${replay}`);
  }, STUCK_MS);
  try {
    await new ModelRun({ engine, data, logLevel: "error" }, seed).run();
  } catch (error) {
    throw new Error(`A run failed: ${replay}`, { cause: error });
  } finally {
    clearTimeout(stuck);
  }
}

/** One run: users act at random, and after each round the model checks what they received. */
class ModelRun {
  readonly #config: Partial<ServerConfig>;
  readonly #random: () => number;
  #server!: TestApp;
  #model = new RoomModel();
  readonly #users: ModelUser[] = [];
  /** Receives every message and sends none. Fills the model. */
  readonly #witness = new ModelUser("witness", "chorus", (text, position) => {
    assertEquals(seqOf(position!), this.#model.published.push(text));
    this.#positions.set(text, position!);
  });
  #positions = new Map<string, string>();
  /** The messages published over HTTP. */
  readonly #posted = new Set<string>();
  #textCount = 0;

  constructor(config: Partial<ServerConfig>, seed: number) {
    this.#config = {
      ...config,
      slowReader: "skip",
      logRetentionBytes: 1_000_000,
      stallTimeoutMs: 0,
    };
    this.#random = seededRandom(seed);
  }

  async run(): Promise<void> {
    this.#server = await startTestApp(this.#config);
    try {
      await this.#witness.connect(this.#server.port);
      for (let round = 0; round < ROUND_COUNT; round++) {
        for (let action = this.#below(40); action > 0; action--) await this.#act();
        if (this.#random() < 0.3) await this.#restart();
        await this.#check();
        if (this.#random() < 0.1) await this.#flood();
      }
      for (const user of this.#users) await this.#resume(user);
      await this.#check();
      this.#checkPublished();
      await this.#checkHistory();
    } finally {
      for (const user of [this.#witness, ...this.#users]) await user.drop();
      await this.#server[Symbol.asyncDispose]();
    }
  }

  /** Lets a random user do something, without waiting for the outcome. */
  async #act(): Promise<void> {
    const user = this.#users[this.#below(MAX_USERS)];
    const choice = this.#random();
    if (!user) await this.#join();
    else if (!user.connection) await this.#resume(user);
    else if (choice < 0.15) await user.drop();
    else if (choice < 0.25) await user.publishAgain();
    else {
      for (let count = this.#below(5); count > 0; count--) {
        await user.publish(this.#text(user.name));
      }
    }
  }

  async #join(): Promise<void> {
    const format = this.#random() < 0.5 ? "chorus" : "plain";
    const user = new ModelUser(`user ${this.#users.length}`, format);
    // A plain client does not learn its first position, so this one requests a known position.
    if (format === "plain") user.position = this.#witness.position;
    this.#users.push(user);
    await user.connect(this.#server.port);
  }

  async #resume(user: ModelUser): Promise<void> {
    if (user.connection) return;
    await this.#locate(user);
    await user.connect(this.#server.port);
  }

  /** Sets the position of a plain user, because the server does not send it. */
  async #locate(user: ModelUser): Promise<void> {
    const last = user.ended.at(-1)?.received.at(-1);
    if (user.format === "chorus" || last === undefined) return;
    await this.#witness.receives(last);
    user.position = this.#positions.get(last);
  }

  /** Stops the server, usually while messages are under way, and starts another. */
  async #restart(): Promise<void> {
    const users = [this.#witness, ...this.#users];
    await Promise.all([this.#server[Symbol.asyncDispose](), ...users.map((user) => user.gone())]);
    for (const user of this.#users) await this.#locate(user);
    this.#checkEnded();
    this.#server = await startTestApp(this.#config);
    if (!this.#config.data) this.#forget();
    await this.#witness.connect(this.#server.port);
  }

  /** Waits until all users have received everything, and checks it. */
  async #check(): Promise<void> {
    const live = this.#users.filter(({ connection }) => connection);
    for (const user of live) {
      await user.acked();
      const last = user.sent.at(-1);
      if (user.format === "plain" && user.connection!.own.has(last!)) {
        await this.#witness.receives(last!);
      }
    }
    const position = await this.#post(this.#text("fence"), [this.#witness, ...live]);
    for (const user of this.#users) await this.#locate(user);
    this.#checkEnded();
    for (const { connection } of [this.#witness, ...live]) {
      this.#model.check(connection!, seqOf(position));
    }
    for (const user of live) {
      if (user.format === "plain") user.position = position;
    }
  }

  /** Checks what the ended connections received. */
  #checkEnded(): void {
    for (const user of this.#users) {
      for (const connection of user.ended.splice(0)) {
        const last = connection.received.at(-1);
        const position = user.format === "chorus" || last === undefined
          ? connection.position
          : this.#positions.get(last);
        this.#model.check(connection, seqOf(position!));
        assertEquals(connection.received, []);
      }
    }
  }

  /** Publishes more than the log holds, while some users stall and others are away. */
  async #flood(): Promise<void> {
    const stalled = this.#users.filter(() => this.#random() < 0.3);
    for (const user of stalled) user.stall();
    const missing = this.#users.filter((user) =>
      stalled.includes(user) || (!user.connection && !this.#config.data)
    );
    for (const user of missing) user.mayMissUpTo = Infinity;
    const healthy = this.#users.filter((user) => user.connection && !stalled.includes(user));
    for (let count = 0; count < FLOOD_COUNT; count++) {
      await this.#post(`${this.#text("flood")} ${FLOOD_PADDING}`, [this.#witness, ...healthy]);
    }
    for (const user of missing) user.mayMissUpTo = this.#model.published.length;
    for (const user of stalled) user.resumeReading();
    if (!this.#config.data) this.#forgetIds();
  }

  /** Publishes a message over HTTP, and waits until these users have received it. */
  async #post(text: string, receivers: readonly ModelUser[]): Promise<string> {
    this.#posted.add(text);
    const url = new URL("/rooms/lobby/messages", this.#server.app.url);
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: text,
    });
    assertEquals(response.status, 201);
    const { position } = await response.json();
    await Promise.all(receivers.map((user) => user.receives(text)));
    assertEquals(this.#positions.get(text), position);
    return position;
  }

  /** Starts with an empty room: without a data file, a restart loses all messages. */
  #forget(): void {
    this.#model = new RoomModel();
    this.#positions = new Map();
    for (const user of this.#users) {
      for (const text of user.acks.keys()) user.pending.delete(text);
      user.acks.clear();
      user.mayMissUpTo = 0;
      // A position of another epoch: the server replays the room from its first message.
      if (user.format === "plain") user.position = "0123456789abcdef-0";
    }
  }

  /** Stops users from repeating messages whose ids have left the memory of the server. */
  #forgetIds(): void {
    for (const user of this.#users) {
      user.acks.clear();
      user.pending.clear();
    }
  }

  /** Checks that each message was sent, is there once, and follows the order of its sender. */
  #checkPublished(): void {
    const { published } = this.#model;
    assertEquals(new Set(published).size, published.length);
    const known = new Set(this.#posted);
    for (const user of this.#users) {
      for (const text of user.sent) known.add(text);
      const order = new Map(user.sent.map((text, index) => [text, index]));
      const indexes = published.map((text) => order.get(text))
        .filter((index) => index !== undefined);
      assertEquals(indexes, indexes.toSorted((one, other) => one - other));
      for (const [text, position] of user.acks) assertEquals(this.#positions.get(text), position);
    }
    assertEquals(published.filter((text) => !known.has(text)), []);
  }

  /** Checks that the history has every message or, without a data file, the last ones. */
  async #checkHistory(): Promise<void> {
    const stored: string[] = [];
    let path: string | undefined = "/rooms/lobby/messages?limit=1000";
    while (path) {
      const response: Response = await fetch(new URL(path, this.#server.app.url));
      stored.push(...(await response.json()).messages.map(({ text }: { text: string }) => text));
      path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
    }
    const { published } = this.#model;
    assert(stored.length > 0);
    assertEquals(stored, this.#config.data ? published : published.slice(-stored.length));
  }

  /** Returns a text that is new in this run. */
  #text(by: string): string {
    const start = ["", "\uFEFF", '"\\\0', "é😀"][this.#below(4)];
    return `${start}${by} ${++this.#textCount} ${"x".repeat(this.#below(90))}`;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
