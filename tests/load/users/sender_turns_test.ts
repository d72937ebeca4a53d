import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../lib/load/seeded_random.ts";
import { SenderTurns } from "../../../lib/load/users/sender_turns.ts";
import type { User } from "../../../lib/load/users/user.ts";

/** Users with these rooms. Only what SenderTurns reads is there. */
function usersOf(...rooms: readonly number[]): User[] {
  return rooms.map((room, at) =>
    ({ plan: { id: at + 1, room }, connection: { isOpen: true } }) as unknown as User
  );
}

function disconnect(user: User): void {
  user.connection = undefined;
}

function idsOf(turns: SenderTurns, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => turns.next()?.plan.id);
}

Deno.test("SenderTurns lets the senders take turns, and skips those that are not connected", () => {
  const users = usersOf(0, 1, 0);
  const turns = new SenderTurns(users, { skew: "even", random: Math.random });
  assertEquals(idsOf(turns, 4), [1, 2, 3, 1]);
  disconnect(users[1]!);
  assertEquals(idsOf(turns, 3), [3, 1, 3]);
  users.forEach(disconnect);
  assertEquals(idsOf(turns, 1), [undefined]);
});

Deno.test("SenderTurns gives the k-th room a share proportional to 1/k with zipf", () => {
  const turns = new SenderTurns(usersOf(0, 1, 2, 0), { skew: "zipf", random: seededRandom(1) });
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < 11_000; index++) counts[turns.next()!.plan.id - 1]!++;
  const [first = 0, second = 0, third = 0, fourth = 0] = counts;
  // Of 11 parts, the rooms have 6, 3, and 2. The two senders of the first take turns.
  assertEquals([first + fourth, second, third].map((count) => Math.round(count / 1000)), [6, 3, 2]);
  assertEquals(Math.abs(first - fourth) <= 1, true);
});

Deno.test("SenderTurns goes on to another room if nobody is connected in one", () => {
  const users = usersOf(0, 1);
  const turns = new SenderTurns(users, { skew: "zipf", random: () => 0 });
  disconnect(users[0]!);
  assertEquals(idsOf(turns, 2), [2, 2]);
});
