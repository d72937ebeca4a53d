import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import type { Chat } from "../../lib/chat/chat.ts";
import { CLOSE_CODES } from "../../lib/chat/close_code.ts";
import { parsePosition } from "../../lib/chat/history/position.ts";
import { seededRandom } from "../../lib/load/seeded_random.ts";
import type { Body } from "../../lib/chat/message.ts";
import type { LocatedRoom } from "../../lib/chat/room_list.ts";
import { PATIENCE_MS, type TestChat, type TestMember } from "./test_chat.ts";

/** Two instances that are one chat. */
export interface ChatPair extends AsyncDisposable {
  /** The same one twice if the chat has only one process. */
  readonly instances: readonly [TestChat, TestChat];
  /** Does something that may happen at any time, and that ends soon. */
  readonly disturb?: (random: () => number) => void;
  /** Where the instances store the messages; undefined if they are only in memory. */
  readonly store?: {
    /** From now on messages are not stored, without an outage. */
    hold(): void | Promise<void>;
    /** Ends {@linkcode hold}. */
    release(): void | Promise<void>;
    /** The number of bytes of unstored messages at which senders are held back. */
    readonly backlogBytes: number;
  };
}

/** Opens a pair with a store of its own, without messages. */
export type OpenPair = (
  options?: { readonly logRetentionBytes?: number },
) => ChatPair | Promise<ChatPair>;

/** Registers the tests of what clients of a chat rely on, whatever makes its instances one chat. */
export function chatContract(name: string, openPair: OpenPair): void {
  const contract = (sentence: string, test: (pair: ChatPair) => Promise<void>) =>
    Deno.test(`${name}: ${sentence}`, async () => {
      await using pair = await openPair();
      await test(pair);
    });

  contract("all members of both instances get one order", async ({ instances }) => {
    const members = await welcomed(
      instances.flatMap((each) => [1, 2, 3].map(() => each.join("tea", { echo: true }))),
    );
    const plain = instances.map((each) => each.join("tea", { format: "plain", echo: true }));
    // A plain text member is not told when it is served.
    for (const member of plain) await heardItself(member);
    const round = async (index: number) => {
      for (const [author, member] of members.entries()) member.say(`${author} ${index}`);
      await members[index % members.length]!.heard(index * members.length);
    };
    for (let index = 0; index < 50; index++) await round(index);
    const count = 50 * members.length;
    const isOf = (body: Body) => /^\d+ \d+$/.test(body as string);
    const all = (member: TestMember) => member.bodies.filter(isOf);
    for (const member of [...members, ...plain]) {
      await member.until((each) => all(each).length >= count);
    }
    const [first, ...others] = members;
    assertEquals(all(first!).length, count);
    for (const other of others) assertEquals(other.of("said").slice(-count), saidOf(first!, count));
    for (const other of [...others, ...plain]) assertEquals(all(other), all(first!));
    for (const author of members.keys()) {
      const own = all(first!).filter((body) => (body as string).startsWith(`${author} `));
      assertEquals(own, Array.from({ length: 50 }, (_, index) => `${author} ${index}`));
    }
    assertAscends(first!);
  });

  contract("a plain member gets what is published after it has joined", async ({ instances }) => {
    const [one, other] = instances;
    for (const [index, room] of ["a", "b", "c", "d"].entries()) {
      const bob = other.join(room, { format: "plain" });
      await one.chat.publish(room, { text: `hi ${index}`, name: null });
      assertEquals(await bob.heard(1), [`hi ${index}`]);
    }
  });

  contract(
    "a message that is published again is acked with its position",
    async ({ instances }) => {
      const [one, other] = instances;
      const ann = await one.join("tea").welcomed();
      const bob = await other.join("tea").welcomed();
      ann.say("hi", "a");
      const { position, duplicate } = await ann.acked("a");
      assertEquals(duplicate, undefined);
      const again = await other.join("tea", { session: ann.welcome.session }).welcomed();
      again.say("hi", "a");
      assertEquals(await again.acked("a"), { type: "ack", id: "a", position, duplicate: true });
      again.say("ho", "a");
      await again.until((each) =>
        each.of("error").some(({ id, code }) => id + code === "aid_reused")
      );
      // The id of another author is another message.
      bob.say("hi", "a");
      assert((await bob.acked("a")).duplicate === undefined);
      assertEquals(await ann.heard(1), ["hi"]);
      assertEquals(await bob.heard(1), ["hi"]);
    },
  );

  contract("a message that both instances get at once is published once", async ({ instances }) => {
    const [one, other] = instances;
    const ann = await one.join("tea").welcomed();
    const again = await other.join("tea", { session: ann.welcome.session }).welcomed();
    const bob = await other.join("tea").welcomed();
    const ids = Array.from({ length: 50 }, (_, index) => `${index}`);
    for (const id of ids) {
      ann.say(id, id);
      again.say(id, id);
      if (Number(id) % 7 === 0) await ann.acked(id);
    }
    for (const id of ids) {
      const acks = [await ann.acked(id), await again.acked(id)];
      assertEquals(acks[0]!.position, acks[1]!.position);
      assertEquals(acks.filter(({ duplicate }) => duplicate).length, 1, id);
    }
    bob.say("end", "end");
    await bob.acked("end");
    assertEquals(bob.bodies, ids);
  });

  contract("of two texts with one id at once, one is refused", async ({ instances }) => {
    const [one, other] = instances;
    const ann = await one.join("tea").welcomed();
    const again = await other.join("tea", { session: ann.welcome.session }).welcomed();
    ann.say("one", "a");
    again.say("two", "a");
    const isAnswered = (member: TestMember) => member.of("ack").length + member.of("error").length;
    for (const each of [ann, again]) await each.until(isAnswered);
    const errors = [ann, again].flatMap((each) => each.of("error"));
    assertEquals(errors.map(({ code, id }) => [code, id]), [["id_reused", "a"]]);
  });

  contract("Chat.publish() publishes an id once for both instances", async ({ instances }) => {
    const [one, other] = instances;
    const bob = await other.join("tea").welcomed();
    const publication = { text: "hi", name: "a script", id: "a" };
    const outcomes = await Promise.all(
      [one, other].map(({ chat }) => chat.publish("tea", publication)),
    );
    const later = await other.chat.publish("tea", publication);
    const [first, second] = outcomes.map((outcome) => outcome as { readonly position: string });
    assertEquals([first!.position, later], [second!.position, {
      position: first!.position,
      duplicate: true,
    }]);
    assertEquals(outcomes.filter((outcome) => "duplicate" in (outcome as object)).length, 1);
    assertEquals(await one.chat.publish("tea", { ...publication, text: "ho" }), "id reused");
    await one.chat.publish("tea", { text: "end", name: null });
    assertEquals(await bob.heard(2), ["hi", "end"]);
  });

  contract("an ack comes after every earlier message", async ({ instances }) => {
    const members = await welcomed(
      instances.flatMap((each) => [each.join("tea"), each.join("tea")]),
    );
    const count = 40;
    for (let index = 0; index < count; index++) {
      for (const [author, member] of members.entries()) member.say(`${author}`, `${index}`);
      if (index % 5 === 0) await members[index % 4]!.acked(`${index}`);
    }
    for (const member of members) {
      await member.acked(`${count - 1}`);
      await member.heard(count * (members.length - 1));
      assertAscends(member);
      assertEquals(member.of("ack").map(({ id }) => Number(id)), [...Array(count).keys()]);
    }
    // What a member got before an ack is everything before the position of the ack.
    const all = new Set(members.flatMap((each) => each.of("said").map(({ position }) => position)));
    const seqs = [...all].map(seqOf);
    for (const member of members) {
      const own = new Set(member.of("ack").map(({ position }) => seqOf(position)));
      const got = new Set<number>();
      for (const each of member.received) {
        if (each.type === "said") got.add(seqOf(each.position));
        if (each.type !== "ack") continue;
        const before = seqs.filter((seq) => seq < seqOf(each.position) && !own.has(seq));
        assertEquals(before.filter((seq) => !got.has(seq)), []);
      }
    }
  });

  contract("a member resumes at the other instance without loss or duplicates", async (pair) => {
    const [one, other] = pair.instances;
    const speakers = await welcomed(pair.instances.map((each) => each.join("tea")));
    const bob = await one.join("tea", { name: "Bob" }).welcomed();
    let spoken = 0;
    const speak = (count: number) => {
      for (let left = count; left > 0; left--) speakers[spoken % 2]!.say(`${spoken++}`);
    };
    const reader = await one.join("tea").welcomed();
    speak(100);
    await bob.heard(50);
    const { session, you } = bob.welcome;
    const [last] = bob.of("said").slice(-1);
    bob.leave();
    speak(100);
    const resumed = other.join("tea", { session, since: last!.position });
    speak(100);
    await resumed.welcomed();
    speak(100);
    assertEquals([resumed.welcome.you, resumed.welcome.recovered], [you, true]);
    await reader.heard(400);
    await resumed.heard(400 - bob.bodies.length);
    assertEquals([...bob.of("said"), ...resumed.of("said")], reader.of("said"));
    assertEquals(resumed.of("gap"), []);
  });

  contract("a position that one instance gave is known to the other at once", async (pair) => {
    const members = await welcomed(pair.instances.map((each) => each.join("tea")));
    for (let index = 0; index < 20; index++) {
      const [one, other] = index % 2 === 0 ? [0, 1] : [1, 0];
      members[one]!.say("hi", `${index}`);
      const { position } = await members[one]!.acked(`${index}`);
      const resumed = await pair.instances[other]!.join("tea", { since: position }).welcomed();
      assertEquals([resumed.welcome.recovered, resumed.welcome.position], [true, position]);
      members[other]!.say("next", `${index}`);
      const next = await members[other]!.acked(`${index}`);
      assertEquals((await resumed.heard(1)).length, 1);
      assertEquals(resumed.of("said")[0]!.position, next.position);
      resumed.leave();
    }
  });

  contract("a position that nobody gave is a gap", async ({ instances }) => {
    const ann = await instances[0].join("tea").welcomed();
    ann.say("hi", "a");
    const { position } = await ann.acked("a");
    const [epoch] = position.split("-");
    for (const since of [`${epoch}-99999999999`, `${"0".repeat(16)}-1`]) {
      for (const each of instances) {
        const member = await each.join("tea", { since }).welcomed();
        assertEquals(await member.heard(1), ["hi"]);
        assertEquals(member.welcome.recovered, false);
        assertEquals(member.of("gap").map(({ reason }) => reason), ["unknown position"]);
      }
    }
  });

  contract("the newest messages are the same at both instances", async ({ instances }) => {
    const [one, other] = instances;
    const members = await welcomed(instances.map((each) => each.join("tea")));
    for (let index = 0; index < 120; index++) members[index % 2]!.say(`${index}`, `${index}`);
    for (const [index, member] of members.entries()) {
      await member.acked(`${118 + index}`);
      await member.heard(60);
    }
    for (const [last, count] of [[50, 50], [1000, 120], [0, 0]] as const) {
      const readers = await welcomed([one.join("tea", { last }), other.join("tea", { last })]);
      const end = `end ${last}`;
      members[0]!.say(end);
      for (const reader of readers) {
        await reader.until(({ bodies }) => bodies.at(-1) === end);
        assertEquals(reader.bodies.filter((body) => /^\d+$/.test(body as string)).length, count);
      }
      assertEquals(readers[0]!.of("said"), readers[1]!.of("said"));
      for (const reader of readers) reader.leave();
    }
  });

  contract("joins, names, and leaves are told at both instances", async ({ instances }) => {
    const [one, other] = instances;
    const watchers = await welcomed(instances.map((each) => each.join("tea")));
    const ann = await one.join("tea", { name: "Ann" }).welcomed();
    const { you: id, session } = ann.welcome;
    const isNamed = (name: string) => (member: TestMember) =>
      member.of("joined").at(-1)?.memberCount === 3 &&
      member.of("joined").some(({ members }) =>
        members.some((each) => each.id === id && each.name === name)
      );
    for (const watcher of watchers) await watcher.until(isNamed("Ann"));
    for (const [index, each] of instances.entries()) {
      const guest = `guest ${index}`;
      const member = await each.join("tea", { name: guest }).welcomed();
      assertEquals(member.welcome.memberCount, 4);
      assert(member.welcome.members.some((other) => other.id === id && other.name === "Ann"));
      const isTold = (type: "joined" | "left") => (member: TestMember) =>
        member.of(type).some(({ members }) => members.some(({ name }) => name === guest));
      for (const watcher of watchers) await watcher.until(isTold("joined"));
      member.leave();
      for (const watcher of watchers) await watcher.until(isTold("left"));
    }
    const renamed = await other.join("tea", { name: "Annie", session }).welcomed();
    for (const watcher of watchers) await watcher.until(isNamed("Annie"));
    ann.leave();
    renamed.leave();
    // Her name may be either: the instances learn one after the other that she has left twice.
    const isGone = (member: TestMember) =>
      member.of("left").some(({ members, memberCount }) =>
        memberCount === 2 && members.some((each) => each.id === id)
      );
    for (const watcher of watchers) await watcher.until(isGone);
    for (const each of instances) {
      assertEquals(each.chat.rooms.within("tea", ({ presence }) => presence.size), 2);
    }
  });

  contract("an author gets no echo, in both formats", async ({ instances }) => {
    const [one, other] = instances;
    const plain = one.join("tea", { format: "plain" });
    const plainEcho = one.join("tea", { format: "plain", echo: true });
    const chorus = await one.join("tea").welcomed();
    const chorusEcho = await one.join("tea", { echo: true }).welcomed();
    const reader = await other.join("tea").welcomed();
    const texts: string[] = [];
    for (let index = 0; index < 20; index++) {
      for (const [from, member] of [plain, plainEcho].entries()) {
        texts.push(`${from}`);
        member.send(`${from}`);
      }
      for (const [from, member] of [chorus, chorusEcho].entries()) {
        texts.push(`${from + 2}`);
        member.say(`${from + 2}`);
      }
      if (index % 4 === 0) await reader.heard(texts.length);
    }
    await reader.heard(texts.length);
    const authors = [plain, plainEcho, chorus, chorusEcho];
    for (const [from, member] of authors.entries()) {
      const isEchoed = member === plainEcho || member === chorusEcho;
      const expected = texts.filter((text) => isEchoed || text !== `${from}`);
      const got = await member.heard(expected.length);
      assertEquals(got.toSorted(), expected.toSorted(), `${from}`);
    }
  });

  contract("binary messages are what they were", async ({ instances }) => {
    const [one, other] = instances;
    const readers = await welcomed(instances.map((each) => each.join("tea")));
    const plain = other.join("tea", { format: "plain", echo: true });
    await heardItself(plain);
    const speaker = one.join("tea", { format: "plain" });
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
    for (const [index, body] of [bytes, new Uint8Array(0), "\ufefftext", ""].entries()) {
      speaker.send(body);
      // The first message is what the plain member said to itself.
      for (const each of [...readers, plain]) {
        assertEquals((await each.heard(index + 2))[index + 1], body);
      }
    }
    const late = await other.join("tea", { last: 2 }).welcomed();
    assertEquals(await late.heard(2), ["\ufefftext", ""]);
  });

  contract("a deleted room is gone at both instances", async ({ instances }) => {
    const [one, other] = instances;
    const members = await welcomed(instances.map((each) => each.join("tea")));
    members[0]!.say("hi", "a");
    const { position } = await members[0]!.acked("a");
    await members[1]!.heard(1);
    // The admin API closes the members before it deletes the room.
    for (const member of [...one.chat.members]) member.close(CLOSE_CODES.roomDeleted);
    assertEquals(await one.chat.rooms.delete("tea"), true);
    for (const member of members) await member.until(({ closeStatus }) => closeStatus);
    assertEquals(members.map(({ closeStatus }) => closeStatus?.code), [4504, 4504]);
    for (const { chat } of instances) {
      // The instances learn one after the other that nobody is in the room.
      await eventually(async () => !await chat.rooms.isKnown("tea"));
    }
    for (const each of instances) {
      const late = await each.join("tea", { last: 50 }).welcomed();
      const resumed = await each.join("tea", { since: position }).welcomed();
      const author = await other.join("tea").welcomed();
      author.say("new", "a");
      await author.acked("a");
      assertEquals((await late.heard(1)).at(-1), "new");
      assertEquals((await resumed.heard(1)).at(-1), "new");
      assertEquals(resumed.bodies.includes("hi"), false);
      assertEquals(resumed.of("gap").length + Number(resumed.welcome.recovered), 1);
      for (const member of [late, resumed, author]) member.leave();
      assertEquals(await one.chat.rooms.delete("tea"), true);
      for (const { chat } of instances) {
        const read = () =>
          chat.rooms.within("tea", async ({ opened, history }) => {
            await opened;
            return history.readBefore(history.headSeq, { limit: 9, maxLength: 99 });
          });
        // The other instance learns later of the deletion. A room that nobody uses is forgotten,
        // and its history learns nothing any more.
        await eventually(async () => (await read()).length === 0);
      }
    }
  });

  contract("a deleted room is unknown to an instance that opens it later", async (pair) => {
    const [{ chat }, other] = pair.instances;
    const { position: since } = await chat.publish("tea", { text: "hi", name: null }) as {
      readonly position: string;
    };
    await chat.publish("tea", { text: "ho", name: null });
    assertEquals(await chat.rooms.delete("tea"), true);
    for (const each of [other.chat, chat]) {
      assertEquals(await listed(each), []);
      assertEquals(await each.rooms.isKnown("tea"), false);
      assertEquals(await each.rooms.delete("tea"), false);
    }
    const late = await other.join("tea", { last: 9 }).welcomed();
    const resumed = await other.join("tea", { since }).welcomed();
    await chat.publish("tea", { text: "new", name: null });
    for (const member of [late, resumed]) assertEquals(await member.heard(1), ["new"]);
    assertEquals([resumed.welcome.recovered, resumed.of("gap").length], [false, 1]);
    const { gap, recovered } = await again(other, since);
    assertEquals([gap, recovered], [1, false]);
  });

  contract("Rooms.list() and Rooms.isKnown() know the rooms of both", async ({ instances }) => {
    const [one, other] = instances;
    for (const room of ["a", "c"]) await one.chat.publish(room, { text: "hi", name: null });
    await other.chat.publish("b", { text: "hi", name: null });
    for (const { chat } of instances) {
      const names = async (after: string, limit: number) =>
        (await chat.rooms.list(after, limit)).map(({ name }) => name);
      assertEquals(await names("", 10), ["a", "b", "c"]);
      assertEquals(await names("a", 1), ["b"]);
      assertEquals(await chat.rooms.isKnown("b"), true);
      assertEquals(await chat.rooms.isKnown("nobody"), false);
      assertEquals(await names("", 10), ["a", "b", "c"]);
    }
  });

  contract("Rooms.list() counts the members of both", async ({ instances }) => {
    const [one, other] = instances;
    await one.chat.publish("stored", { text: "hi", name: null });
    const members = await welcomed([
      ...[one.join("both"), other.join("both"), other.join("both")],
      ...[one.join("one"), other.join("other"), other.join("stored")],
    ]);
    const expected = [["both", 3], ["one", 1], ["other", 1], ["stored", 1]];
    for (const { chat } of instances) {
      const list = async (after: string, limit: number) =>
        (await chat.rooms.list(after, limit)).map(({ name, memberCount }) => [name, memberCount]);
      // The instances exchange their members after a while.
      await eventually(async () => `${await list("", 9)}` === `${expected}`);
      const pages: unknown[] = [];
      for (let after = "";;) {
        const page = await list(after, 1);
        if (page.length === 0) break;
        pages.push(...page);
        after = String(page.at(-1)![0]);
      }
      assertEquals(pages, expected);
      const areStored = (await listed(chat)).map(({ position }) => seqOf(position) > 0);
      assertEquals(areStored, [false, false, false, true]);
    }
    for (const member of members) member.leave();
    for (const { chat } of instances) {
      const names = async () =>
        (await listed(chat)).map(({ name, memberCount }) => `${name} ${memberCount}`).join();
      await eventually(async () => await names() === "stored 0");
    }
    assertEquals(await one.chat.rooms.delete("stored"), true);
    for (const { chat } of instances) {
      await eventually(async () => (await listed(chat)).length === 0);
    }
  });

  contract("Rooms.flushed() waits until every message has come back", async ({ instances }) => {
    const [one] = instances;
    const reader = one.join("tea", { format: "plain" });
    const speaker = one.join("tea", { format: "plain" });
    for (let index = 0; index < 100; index++) speaker.send(`${index}`);
    await one.chat.rooms.flushed();
    assertEquals(reader.bodies.length, 100);
  });

  for (let seed = 1; seed <= 10; seed++) {
    contract(`members that come and go get every message once, seed ${seed}`, async (pair) => {
      await comeAndGo(pair, seededRandom(seed));
    });
  }

  storeContract(name, openPair);
}

/** What needs a store that outlives the memory of an instance. */
function storeContract(name: string, openPair: OpenPair): void {
  const contract = (sentence: string, logRetentionBytes: number, test: StoreTest) =>
    Deno.test(`${name}: ${sentence}`, async (context) => {
      await using pair = await openPair({ logRetentionBytes });
      if (!pair.store) return void await context.step({ name: "no store", ignore: true, fn() {} });
      await test(pair as Required<ChatPair>);
    });

  contract("a member resumes from far behind the memory", 100_000, async ({ instances }) => {
    const [one, other] = instances;
    const ann = await one.join("tea").welcomed();
    const reader = await other.join("tea", { echo: true }).welcomed();
    const { position: since } = reader.welcome;
    const body = "x".repeat(1000);
    for (let index = 0; index < 300; index++) {
      ann.say(`${index} ${body}`, `${index}`);
      if (index % 10 === 0) await reader.heard(index);
    }
    await reader.heard(300);
    for (const each of instances) {
      const resumed = await each.join("tea", { since }).welcomed();
      ann.say("end", "end");
      await resumed.until(({ bodies }) => bodies.includes("end"));
      assertEquals(resumed.of("said").slice(0, 300), reader.of("said").slice(0, 300));
      assertEquals([resumed.of("gap"), resumed.welcome.recovered], [[], true]);
      const late = await each.join("tea", { last: 250 }).welcomed();
      await late.heard(250);
      assertEquals(late.of("said"), resumed.of("said").slice(-250));
    }
  });

  contract(
    "senders are held back while the store is slow",
    10_000_000,
    async ({ instances, store }) => {
      const [one, other] = instances;
      const ann = await one.join("tea").welcomed();
      const reader = await other.join("tea").welcomed();
      const { room } = ann.member!;
      assertEquals(room.backlog, undefined);
      await store.hold();
      const text = "x".repeat(1000);
      const count = Math.ceil(store.backlogBytes / text.length) + 1;
      for (let index = 0; index < count; index++) ann.say(text, `${index}`);
      const { backlog } = room;
      assert(backlog, "the sender is held back");
      assertEquals(ann.of("ack"), []);
      await store.release();
      await backlog;
      assertEquals((await reader.heard(count)).length, count);
      await ann.acked(`${count - 1}`);
      assertEquals(room.backlog, undefined);
    },
  );

  contract(
    "Rooms.endPublishing() waits for what is under way, and refuses what is published then",
    100_000,
    async ({ instances }) => {
      const [one, other] = instances;
      const ann = await one.join("tea").welcomed();
      const reader = await other.join("tea").welcomed();
      ann.say("in time", "1");
      const ended = one.chat.rooms.endPublishing(60_000);
      ann.say("too late", "2");
      assertEquals(await ended, 1);
      await ann.acked("1");
      await ann.until(() => ann.of("error").length > 0);
      assertEquals(ann.of("error").map(({ code, id }) => [code, id]), [["not_committed", "2"]]);
      assertEquals(await reader.heard(1), ["in time"]);
    },
  );

  contract(
    "Rooms.endPublishing() refuses what is not stored, and tells the publishers",
    100_000,
    async ({ instances: [one], store }) => {
      const ann = await one.join("tea").welcomed();
      const plain = one.join("tea", { format: "plain", echo: true });
      await heardItself(plain);
      await store.hold();
      ann.say("held", "1");
      plain.send("held too");
      const published = ["tea", "unopened"].map((room) =>
        one.chat.publish(room, { text: "hi", name: null })
      );
      assertEquals(await one.chat.rooms.endPublishing(0), 3);
      assertEquals(ann.of("error").map(({ code, id }) => [code, id]), [["not_committed", "1"]]);
      assertEquals(plain.closeStatus, CLOSE_CODES.notStored);
      assertEquals(await Promise.all(published), ["not committed", "not committed"]);
      await store.release();
    },
  );
}

/** A client that connects again and again, and what it has got in all its connections. */
interface Client {
  readonly session: string;
  member: TestMember;
  readonly got: ReturnType<typeof saidOf>;
  /** Everything up to this position has come. */
  position: string;
  /** The texts that it has published, which are their ids, and those that were acked. */
  readonly texts: string[];
  readonly acked: Set<string>;
}

async function comeAndGo(
  { instances, disturb }: ChatPair,
  random: () => number,
): Promise<void> {
  const first = await welcomed(
    [0, 1, 0, 1].map((at) => instances[at]!.join("tea", { echo: true })),
  );
  const clients = first.map((member): Client => {
    const { session, position } = member.welcome;
    return { session, member, got: [], position, texts: [], acked: new Set() };
  });
  const reader = await instances[0].join("tea").welcomed();
  for (let step = 0; step < 300; step++) {
    disturb?.(random);
    const client = clients[Math.floor(random() * clients.length)]!;
    const action = random();
    if (action < 0.6) say(client, `${clients.indexOf(client)}-${client.texts.length}`);
    else if (action < 0.8) await comeAgain(client, instances[random() < 0.5 ? 0 : 1], random);
    else await new Promise(setImmediate);
  }
  const count = clients.reduce((sum, { texts }) => sum + texts.length, 0);
  const isStored = ({ texts, acked }: Client) => texts.every((text) => acked.has(text));
  for (const client of clients) await stay(client, instances[0], isStored);
  for (const client of clients) await stay(client, instances[1], ({ got }) => got.length >= count);
  const order = (await reader.until(({ bodies }) => bodies.length >= count)).of("said");
  assertEquals(order.length, count);
  for (const { got } of clients) assertEquals(got, order);
  for (const [index, { texts }] of clients.entries()) {
    const own = order.map((each) => "text" in each ? each.text : "");
    assertEquals(own.filter((text) => text.startsWith(`${index}-`)).toSorted(), texts.toSorted());
  }
}

/** Connects a client until it is done. An outage may not have ended yet. */
async function stay(
  client: Client,
  instance: TestChat,
  isDone: (client: Client) => boolean,
): Promise<void> {
  const check = () => (take(client), isDone(client));
  while (!check()) {
    await new Promise(setImmediate);
    await comeAgain(client, instance, () => 0);
    await client.member.until((each) => check() || each.closeStatus);
  }
}

function say({ member, texts }: Client, text: string): void {
  texts.push(text);
  // A client may publish before it is welcomed, but not after it was closed.
  if (!member.closeStatus) member.say(text, text);
}

/** Connects a client again, at any instance, and publishes again what was not acked. */
async function comeAgain(
  client: Client,
  instance: TestChat,
  random: () => number,
): Promise<void> {
  client.member.leave();
  take(client);
  const { session, position: since } = client;
  client.member = instance.join("tea", { echo: true, session, since });
  if (random() < 0.5) await client.member.until((each) => each.welcome ?? each.closeStatus);
  for (const text of client.texts) if (!client.acked.has(text)) client.member.say(text, text);
}

/** Takes what a member has got since the last call. */
function take(client: Client): void {
  for (const each of client.member.received.splice(0)) {
    assert(each.type !== "gap", "nothing is missed");
    if (each.type === "said") client.got.push(each);
    if (each.type === "ack") client.acked.add(each.id);
    if (each.type !== "said" && each.type !== "ack") continue;
    // The ack of a message that was published before may be older.
    if (seqOf(each.position) > seqOf(client.position)) client.position = each.position;
  }
}

type StoreTest = (pair: Required<ChatPair>) => Promise<void>;

/** What a member is told that resumes from a position before a deletion. */
async function again(instance: TestChat, since: string) {
  const member = await instance.join("tea", { since }).welcomed();
  assertEquals(await member.heard(1), ["new"]);
  return { gap: member.of("gap").length, recovered: member.welcome.recovered };
}

async function welcomed(members: readonly TestMember[]): Promise<readonly TestMember[]> {
  return await Promise.all(members.map((member) => member.welcomed()));
}

/** Waits until a condition is true. The instances learn of changes one after the other. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!await isSo()) {
    if (performance.now() > end) throw new Error(`Never so: ${isSo}`);
    await new Promise(setImmediate);
  }
}

/** Waits until a plain text member is served. It gets its own messages. */
async function heardItself(member: TestMember): Promise<void> {
  const text = crypto.randomUUID();
  member.send(text);
  await member.until(({ bodies }) => bodies.includes(text));
}

/** The rooms with their positions. */
async function listed({ rooms }: Chat): Promise<LocatedRoom[]> {
  return await rooms.locate(await rooms.list("", 10));
}

function saidOf(member: TestMember, count: number) {
  return member.of("said").slice(-count);
}

function seqOf(position: string): number {
  return parsePosition(position)!.seq;
}

function assertAscends(member: TestMember): void {
  const seqs = member.of("said").map(({ position }) => seqOf(position));
  assertEquals(seqs, [...new Set(seqs)].sort((one, other) => one - other));
}
