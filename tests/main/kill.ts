import { assert, assertEquals } from "@std/assert";
import { Mailbox } from "../socket/mailbox.ts";
import { portOf, Program } from "./program.ts";

/** How many messages a user sends before it waits for the first ack. */
const AHEAD_COUNT = 50;

/**
 * Kills a server with SIGKILL under load, `killCount` times. Checks that the data file has each
 * acked message at its position, the messages of each user in order, and no message twice.
 */
export async function killUnderLoad(killCount: number): Promise<void> {
  const folder = await Deno.makeTempDir();
  const acked = new Map<string, string>();
  const args = ["--port=0", `--data=${folder}/chat.db`, "--history-messages=0"];
  try {
    for (let round = 0; round < killCount; round++) {
      const server = Program.start("server", args);
      const port = await portOf(server);
      const users = ["a", "b", "c", "d"].map((user) => publish(port, `${user}${round}`, acked));
      // Each round lets the server commit more before it is killed.
      for (const { acks } of users) {
        for (let count = 0; count < 20 * (round + 1); count++) await acks.take();
      }
      await server[Symbol.asyncDispose]();
      await Promise.all(users.map(({ closed }) => closed));
    }
    await using server = Program.start("server", args);
    checkHistory(await historyOf(await portOf(server)), acked);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Publishes until the server is gone. Adds the position of each acked message to `acked`. */
function publish(port: number, user: string, acked: Map<string, string>): {
  readonly closed: Promise<void>;
  readonly acks: Mailbox<string>;
} {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?name=${user}`, "chorus.v1");
  const acks = new Mailbox<string>();
  const closed = Promise.withResolvers<void>();
  let count = 0;
  const send = () => {
    const text = `${user} ${count++}`;
    socket.send(JSON.stringify({ type: "say", id: text, text }));
  };
  socket.onopen = () => {
    for (let ahead = 0; ahead < AHEAD_COUNT; ahead++) send();
  };
  socket.onmessage = ({ data }) => {
    const { type, id, position } = JSON.parse(data);
    if (type !== "ack") return;
    acked.set(id, position);
    acks.put(id);
    if (socket.readyState === WebSocket.OPEN) send();
  };
  socket.onclose = () => {
    closed.resolve();
    acks.close(new Error("The connection ended before enough messages were acked"));
  };
  return { closed: closed.promise, acks };
}

interface StoredMessage {
  readonly text: string;
  readonly position: string;
}

/** Reads all stored messages of the lobby, in order. */
async function historyOf(port: number): Promise<StoredMessage[]> {
  const messages = [];
  let path: string | undefined = "/rooms/lobby/messages?limit=1000";
  while (path) {
    const response: Response = await fetch(`http://127.0.0.1:${port}${path}`);
    messages.push(...(await response.json()).messages);
    path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
  }
  return messages;
}

function checkHistory(
  stored: readonly StoredMessage[],
  acked: ReadonlyMap<string, string>,
): void {
  const positionOf = new Map(stored.map(({ text, position }) => [text, position]));
  assertEquals(positionOf.size, stored.length, "A message is stored twice");
  const lost = [...acked].filter(([text, position]) => positionOf.get(text) !== position);
  assertEquals(lost, []);
  const last = new Map<string, number>();
  for (const { text } of stored) {
    const [user, index] = text.split(" ") as [string, string];
    assert(Number(index) === (last.get(user) ?? -1) + 1, `${text} follows ${last.get(user)}`);
    last.set(user, Number(index));
  }
}
