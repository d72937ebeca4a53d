import { assertEquals } from "@std/assert";
import { planUsers } from "../../../lib/load/users/user_plan.ts";
import type { UserLine } from "../../../lib/load/users/users_file.ts";

const FLAGS: Parameters<typeof planUsers>[0] = {
  count: 4,
  senders: 0,
  publish: "socket",
  sse: "0",
  slow: "0",
  room: "",
  rooms: 0,
};
const TARGET = { url: "ws://a/ws?x=1", headers: { "x-a": "1" } };

function plan(flags: Partial<typeof FLAGS> = {}, lines: readonly UserLine[] = []) {
  return planUsers({ ...FLAGS, ...flags }, TARGET, lines);
}

Deno.test("planUsers() has users of one room that all send by default", () => {
  const { users, rooms } = plan();
  assertEquals(rooms, [{ name: "", firstSender: 0, senderCount: 4 }]);
  assertEquals(users.map(({ id, sender, room }) => [id, sender, room]), [
    [1, 0, 0],
    [2, 1, 0],
    [3, 2, 0],
    [4, 3, 0],
  ]);
  assertEquals(users[2], {
    id: 3,
    name: "Client 3",
    room: 0,
    sender: 2,
    via: "websocket",
    isSlow: false,
    url: TARGET.url,
    headers: TARGET.headers,
  });
});

Deno.test("planUsers() lets the first users send, and the last users be slow", () => {
  const { users } = plan({ senders: 2, slow: "1" });
  assertEquals(users.map(({ sender }) => sender), [0, 1, -1, -1]);
  assertEquals(users.map(({ isSlow }) => isSlow), [false, false, false, true]);
});

Deno.test("planUsers() has the users of --sse before the slow ones", () => {
  const { users } = plan({ count: 5, slow: "1", sse: "40%" });
  assertEquals(users.map(({ sender }) => sender), [0, 1, -1, -1, -1]);
  assertEquals(users.map(({ isSlow }) => isSlow), [false, false, false, false, true]);
  const websocket = "websocket";
  assertEquals(users.map(({ via }) => via), [websocket, websocket, "events", "events", websocket]);
});

Deno.test("planUsers() lets the users of --sse send with --publish http", () => {
  const { users } = plan({ slow: "1", sse: "3", publish: "http" });
  assertEquals(users.map(({ sender }) => sender), [0, 1, 2, -1]);
  assertEquals(users.map(({ via }) => via), ["events", "events", "events", "websocket"]);
});

Deno.test("planUsers() spreads users over rooms, whose senders have consecutive indexes", () => {
  const { users, rooms } = plan({ count: 5, rooms: 2, senders: 4, room: "tea" });
  assertEquals(rooms, [
    { name: "tea-1", firstSender: 0, senderCount: 2 },
    { name: "tea-2", firstSender: 2, senderCount: 2 },
  ]);
  assertEquals(users.map(({ room, sender }) => [room, sender]), [
    [0, 0],
    [1, 2],
    [0, 1],
    [1, 3],
    [0, -1],
  ]);
  assertEquals(users[1]!.url, "ws://a/ws?x=1&room=tea-2");
});

Deno.test("planUsers() takes names, rooms, tokens, and headers from the file", () => {
  const { users, rooms } = plan({ count: 3, rooms: 2 }, [
    { name: "Ann Lee", room: "tea" },
    { token: "t" },
    { headers: { "x-a": "2", "x-b": "3" } },
  ]);
  assertEquals(rooms.map(({ name }) => name), ["tea", "room-2", "room-1"]);
  assertEquals(users.map(({ name }) => name), ["Ann Lee", "Client 2", "Client 3"]);
  assertEquals(users[0]!.url, "ws://a/ws?x=1&room=tea&name=Ann+Lee");
  assertEquals(users[0]!.headers, { "x-a": "1" });
  assertEquals(users[1]!.headers, { "x-a": "1", authorization: "Bearer t" });
  assertEquals(users[2]!.headers, { "x-a": "2", "x-b": "3" });
});
