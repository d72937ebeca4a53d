import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../lib/load/seeded_random.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { ModelUser, numberOf } from "./model_user.ts";
import { RoomModel } from "./room_model.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** How many runs of each kind; MODEL_RUNS=1000 for a long night. */
const RUN_COUNT = Number(Deno.env.get("MODEL_RUNS") ?? 6);

/** Replay a failure with the seed that it printed: MODEL_SEED=123 MODEL_RUNS=1. */
const FIRST_SEED = Number(Deno.env.get("MODEL_SEED") ?? Date.now() % 1_000_000_000);

/** A run that has not ended after this long never will. */
const STUCK_MS = 60_000;

const ROUND_COUNT = 12;
const MAX_USERS = 8;

/** More than the system buffers for a connection of which nobody reads. */
const FLOOD_COUNT = 270;
const FLOOD_PADDING = "x".repeat(60_000);

/** One run: users do what the seed says, and after each round all that they have heard is held against the model. */
class ModelRun {
  readonly #config: Partial<ServerConfig>;
  readonly #random: () => number;
  #server!: TestApp;
  #model = new RoomModel();
  readonly #users: ModelUser[] = [];
  /** Hears everything, and says nothing: in the order in which it hears them, messages come into the model. */
  readonly #witness = new ModelUser("witness", "chorus", (text, position) => {
    assertEquals(numberOf(position!), this.#model.said.push(text));
    this.#positions.set(text, position!);
  });
  #positions = new Map<string, string>();
  /** What was published. */
  readonly #published = new Set<string>();
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
      this.#checkSaid();
      await this.#checkHistory();
    } finally {
      for (const user of [this.#witness, ...this.#users]) await user.drop();
      await this.#server[Symbol.asyncDispose]();
    }
  }

  /** Something that somebody does. Nobody waits for what comes of it. */
  async #act(): Promise<void> {
    const user = this.#users[this.#below(MAX_USERS)];
    const what = this.#random();
    if (!user) await this.#join();
    else if (!user.connection) await this.#resume(user);
    else if (what < 0.15) await user.drop();
    else if (what < 0.25) await user.sayAgain();
    else for (let count = this.#below(5); count > 0; count--) await user.say(this.#text(user.name));
  }

  async #join(): Promise<void> {
    const format = this.#random() < 0.5 ? "chorus" : "plain";
    const user = new ModelUser(`user ${this.#users.length}`, format);
    // Plain text does not tell where it begins: such a user asks for a position.
    if (format === "plain") user.position = this.#witness.position;
    this.#users.push(user);
    await user.connect(this.#server.port);
  }

  async #resume(user: ModelUser): Promise<void> {
    if (user.connection) return;
    await this.#locate(user);
    await user.connect(this.#server.port);
  }

  /** Finds out how far somebody has heard who is not told it. */
  async #locate(user: ModelUser): Promise<void> {
    const last = user.ended.at(-1)?.heard.at(-1);
    if (user.format === "chorus" || last === undefined) return;
    await this.#witness.hears(last);
    user.position = this.#positions.get(last);
  }

  /** Stops the server, mostly in the middle of it all, and starts another. */
  async #restart(): Promise<void> {
    const users = [this.#witness, ...this.#users];
    await Promise.all([this.#server[Symbol.asyncDispose](), ...users.map((user) => user.gone())]);
    for (const user of this.#users) await this.#locate(user);
    this.#checkEnded();
    this.#server = await startTestApp(this.#config);
    if (!this.#config.data) this.#forget();
    await this.#witness.connect(this.#server.port);
  }

  /** Waits until all have heard all, and checks it. */
  async #check(): Promise<void> {
    const live = this.#users.filter(({ connection }) => connection);
    for (const user of live) {
      await user.acked();
      const last = user.said.at(-1);
      if (user.format === "plain" && user.connection!.own.has(last!)) {
        await this.#witness.hears(last!);
      }
    }
    const position = await this.#publish(this.#text("fence"), [this.#witness, ...live]);
    for (const user of this.#users) await this.#locate(user);
    this.#checkEnded();
    for (const { connection } of [this.#witness, ...live]) {
      this.#model.check(connection!, numberOf(position));
    }
    for (const user of live) {
      if (user.format === "plain") user.position = position;
    }
  }

  /** Checks what connections have heard that are gone. */
  #checkEnded(): void {
    for (const user of this.#users) {
      for (const connection of user.ended.splice(0)) {
        const last = connection.heard.at(-1);
        const position = user.format === "chorus" || last === undefined
          ? connection.position
          : this.#positions.get(last);
        this.#model.check(connection, numberOf(position!));
        assertEquals(connection.heard, []);
      }
    }
  }

  /** Some read nothing, and some are away, while more is said than the log holds. */
  async #flood(): Promise<void> {
    const stalled = this.#users.filter(() => this.#random() < 0.3);
    for (const user of stalled) user.stall();
    const missing = this.#users.filter((user) =>
      stalled.includes(user) || (!user.connection && !this.#config.data)
    );
    for (const user of missing) user.mayMissUpTo = Infinity;
    const healthy = this.#users.filter((user) => user.connection && !stalled.includes(user));
    for (let count = 0; count < FLOOD_COUNT; count++) {
      await this.#publish(`${this.#text("flood")} ${FLOOD_PADDING}`, [this.#witness, ...healthy]);
    }
    for (const user of missing) user.mayMissUpTo = this.#model.said.length;
    for (const user of stalled) user.goOn();
    if (!this.#config.data) this.#forgetIds();
  }

  async #publish(text: string, hearers: readonly ModelUser[]): Promise<string> {
    this.#published.add(text);
    const url = new URL("/rooms/lobby/messages", this.#server.app.url);
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: text,
    });
    assertEquals(response.status, 201);
    const { position } = await response.json();
    await Promise.all(hearers.map((user) => user.hears(text)));
    assertEquals(this.#positions.get(text), position);
    return position;
  }

  /** Without a durable history a room begins anew with its server. */
  #forget(): void {
    this.#model = new RoomModel();
    this.#positions = new Map();
    for (const user of this.#users) {
      for (const text of user.acks.keys()) user.pending.delete(text);
      user.acks.clear();
      user.mayMissUpTo = 0;
      // A position of another epoch: who is told nothing begins with the first message.
      if (user.format === "plain") user.position = "0123456789abcdef-0";
    }
  }

  /** Who says again what memory does not hold any more says it twice: nobody does. */
  #forgetIds(): void {
    for (const user of this.#users) {
      user.acks.clear();
      user.pending.clear();
    }
  }

  /** Each message was said by somebody, each but once, and those of each user in order. */
  #checkSaid(): void {
    const { said } = this.#model;
    assertEquals(new Set(said).size, said.length);
    const known = new Set(this.#published);
    for (const user of this.#users) {
      for (const text of user.said) known.add(text);
      const order = new Map(user.said.map((text, index) => [text, index]));
      const indexes = said.map((text) => order.get(text)).filter((index) => index !== undefined);
      assertEquals(indexes, indexes.toSorted((one, other) => one - other));
      for (const [text, position] of user.acks) assertEquals(this.#positions.get(text), position);
    }
    assertEquals(said.filter((text) => !known.has(text)), []);
  }

  /** What can be read is what was said; without a durable history, the last of it. */
  async #checkHistory(): Promise<void> {
    const kept: string[] = [];
    let path: string | undefined = "/rooms/lobby/messages?limit=1000";
    while (path) {
      const response: Response = await fetch(new URL(path, this.#server.app.url));
      kept.push(...(await response.json()).messages.map(({ text }: { text: string }) => text));
      path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
    }
    const { said } = this.#model;
    assert(kept.length > 0);
    assertEquals(kept, this.#config.data ? said : said.slice(-kept.length));
  }

  /** A text that nobody has said before. */
  #text(by: string): string {
    const start = ["", "\uFEFF", '"\\\0', "é😀"][this.#below(4)];
    return `${start}${by} ${++this.#textCount} ${"x".repeat(this.#below(90))}`;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

async function runModel(engine: ServerConfig["engine"], data: string, seed: number): Promise<void> {
  const stuck = setTimeout(() => {
    throw new Error(`A run got stuck: replay it with MODEL_SEED=${seed} MODEL_RUNS=1`);
  }, STUCK_MS);
  try {
    await new ModelRun({ engine, data, logLevel: "error" }, seed).run();
  } catch (error) {
    throw new Error(`A run failed: replay it with MODEL_SEED=${seed} MODEL_RUNS=1`, {
      cause: error,
    });
  } finally {
    clearTimeout(stuck);
  }
}

for (const engine of ENGINES) {
  for (const kind of ["in memory", "with --data"]) {
    Deno.test(`${engine}: a room ${kind} is what the model is, ${RUN_COUNT} runs from seed ${FIRST_SEED} on`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        for (let seed = FIRST_SEED; seed < FIRST_SEED + RUN_COUNT; seed++) {
          await runModel(engine, kind === "in memory" ? "" : `${folder}/${seed}.db`, seed);
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
