import { assert, assertEquals } from "@std/assert";
import { Mailbox } from "../socket/mailbox.ts";

const ROOT = new URL("../../", import.meta.url);
const ROUNDS = Number(Deno.env.get("KILL_ROUNDS") ?? 20);

/** A server in a process of its own, for killing. */
async function startServer(data: string): Promise<{ port: number; kill: () => Promise<void> }> {
  const child = new Deno.Command(Deno.execPath(), {
    cwd: ROOT,
    args: [
      "run",
      "--allow-net",
      "--allow-read",
      "--allow-write",
      "--allow-env=CHORUS_*",
      "server.ts",
      "--port=0",
      `--data=${data}`,
      "--history-messages=0",
      "--log-format=json",
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let port: string | undefined;
  while ((port = text.match(/http:\/\/127\.0\.0\.1:(\d+)/)?.[1]) === undefined) {
    const { value, done } = await reader.read();
    assert(!done, `The server has not started: ${text}`);
    text += value;
  }
  const drained = (async () => {
    while (!(await reader.read()).done);
  })();
  return {
    port: Number(port),
    kill: async () => {
      child.kill("SIGKILL");
      await child.status;
      await drained;
    },
  };
}

/** Says one message after the other, without waiting for acks, until the server is gone; tells of each ack. */
function talk(port: number, user: string, acked: Map<string, string>): {
  readonly ended: Promise<void>;
  readonly acks: Mailbox<string>;
} {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?name=${user}`, "chorus.v1");
  const acks = new Mailbox<string>();
  const ended = Promise.withResolvers<void>();
  let count = 0;
  const say = () => {
    const text = `${user} ${count++}`;
    socket.send(JSON.stringify({ type: "say", id: text, text }));
  };
  socket.onopen = () => {
    for (let ahead = 0; ahead < 50; ahead++) say();
  };
  socket.onmessage = ({ data }) => {
    const { type, id, position } = JSON.parse(data);
    if (type !== "ack") return;
    acked.set(id, position);
    acks.put(id);
    if (socket.readyState === WebSocket.OPEN) say();
  };
  socket.onclose = () => ended.resolve();
  return { ended: ended.promise, acks };
}

/** All that is kept of the lobby, in order. */
async function historyOf(port: number): Promise<{ text: string; position: string }[]> {
  const messages = [];
  let path: string | undefined = "/rooms/lobby/messages?limit=1000";
  while (path) {
    const response: Response = await fetch(`http://127.0.0.1:${port}${path}`);
    messages.push(...(await response.json()).messages);
    path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
  }
  return messages;
}

Deno.test(`kill -9 under load, ${ROUNDS} times: every acked message is kept, in order, none twice`, async () => {
  const folder = await Deno.makeTempDir();
  const acked = new Map<string, string>();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const server = await startServer(`${folder}/chat.db`);
      const talks = ["a", "b", "c", "d"].map((user) => talk(server.port, `${user}${round}`, acked));
      // Rounds are killed at different depths.
      for (const { acks } of talks) {
        for (let count = 0; count < 20 * (round + 1); count++) await acks.take();
      }
      await server.kill();
      await Promise.all(talks.map(({ ended }) => ended));
    }
    const server = await startServer(`${folder}/chat.db`);
    const kept = await historyOf(server.port);
    await server.kill();
    const positionOf = new Map(kept.map(({ text, position }) => [text, position]));
    assertEquals(positionOf.size, kept.length, "none is there twice");
    const lost = [...acked].filter(([text, position]) => positionOf.get(text) !== position);
    console.log(
      `    ${ROUNDS} kills: acked ${acked.size}, kept ${kept.length}, lost ${lost.length}`,
    );
    assertEquals(lost, []);
    const last = new Map<string, number>();
    for (const { text } of kept) {
      const [user, number] = text.split(" ") as [string, string];
      assert(Number(number) === (last.get(user) ?? -1) + 1, `${text} follows ${last.get(user)}`);
      last.set(user, Number(number));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
