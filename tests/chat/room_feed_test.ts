import { assert, assertEquals, assertRejects } from "@std/assert";
import type {
  Backplane,
  RoomListener,
  RoomStream,
  StreamedMessage,
  StreamPublication,
} from "../../lib/chat/backplane.ts";
import type { ServerMessage } from "../../lib/chat/chorus_v1.ts";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import { HistoryUnavailableError } from "../../lib/chat/history/history.ts";
import { StreamHistory } from "../../lib/chat/history/stream_history.ts";
import type { PublishOutcome } from "../../lib/chat/message.ts";
import { Presence, type PresentMember } from "../../lib/chat/presence.ts";
import { RoomFeed } from "../../lib/chat/room_feed.ts";
import { OPCODE } from "../../lib/websocket/frame.ts";
import { AMPLE_BUDGET } from "./room_options.ts";

const ANN = { id: "a", name: "Ann" };
const BOB = { id: "b", name: null };
const EPOCH = "0123456789abcdef";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A publication, and its outcomes. */
interface TestPublication extends StreamPublication {
  readonly outcomes: PublishOutcome[];
}

function publicationOf(text: string, id?: string): TestPublication {
  const outcomes: PublishOutcome[] = [];
  const onPublished = (outcome: PublishOutcome) => void outcomes.push(outcome);
  const bytes = encoder.encode(text);
  return { opcode: OPCODE.text, bytes, author: ANN, id, onPublished, outcomes };
}

/** The message that a publication becomes. */
function messageOf(
  { author, opcode, bytes: payload, id }: StreamPublication,
  seq: number,
  duplicateOf?: number,
): StreamedMessage {
  const message = { seq, author, atMs: seq, opcode, payload, id };
  return duplicateOf === undefined ? message : { ...message, duplicateOf };
}

/** A feed of a room, its stream, and what they have done. */
function feedOf() {
  const published: StreamPublication[] = [];
  const told: (readonly [string[], string[]])[] = [];
  const relayed: (readonly [seq: number, isOwn: boolean])[] = [];
  const announced: ServerMessage[] = [];
  const calls: string[] = [];
  const idsOf = (members: readonly PresentMember[]) => members.map(({ id }) => id);
  const stream = {
    hasPending: false,
    /** What the stream has, besides what was published here. */
    stored: [] as StreamedMessage[],
    reads: [] as Promise<unknown>[],
    read: (after: number) => {
      const messages = stream.stored.filter(({ seq }) => seq > after).slice(0, 1);
      const page = messages.length > 0
        ? Promise.resolve({ messages, hasGap: false, lastSeq: messages[0]!.seq })
        : Promise.reject(new HistoryUnavailableError("no"));
      stream.reads.push(page.catch(() => {}));
      return page;
    },
    publish: (publication: StreamPublication) => {
      stream.hasPending = true;
      published.push(publication);
    },
    tellPresence: (joined: readonly PresentMember[], left: readonly PresentMember[]) =>
      told.push([idsOf(joined), idsOf(left)]),
    close: () => calls.push("close"),
  };
  let listener: RoomListener | undefined;
  const open = (_name: string, opened: RoomListener) => {
    listener = opened;
    return stream as unknown as RoomStream;
  };
  const history = new StreamHistory({
    epoch: EPOCH,
    stream: () => feed.stream,
    log: { retentionBytes: 100_000, budget: AMPLE_BUDGET },
    historyMessages: 0,
    ageLimit: { range: ANY_AGE },
  });
  const presence = new Presence();
  const feed: RoomFeed = new RoomFeed("tea", {
    history,
    presence,
    onOpened: () => calls.push("opened"),
    onOpenFailed: () => calls.push("open failed"),
    relay: (message, own) => {
      history.append(message);
      relayed.push([message.seq, own !== undefined]);
    },
    announce: (event) => announced.push(event),
    schedulePresence: () => {},
    onDeleted: () => calls.push("deleted"),
    onSettled: () => calls.push("settled"),
  }, { open } as unknown as Backplane);
  /** Publications come back. */
  const comeBack = (messages: readonly StreamedMessage[], own: readonly StreamPublication[]) => {
    stream.hasPending = false;
    feed.onMessages(messages, own);
  };
  assert(listener === feed);
  return { feed, stream, history, presence, published, told, relayed, announced, calls, comeBack };
}

function textsOf(publications: readonly StreamPublication[]): string[] {
  return publications.map(({ bytes }) => decoder.decode(bytes));
}

const OPENING = { headSeq: 0, tail: [], hasOlder: false };

Deno.test("RoomFeed.publish() waits until the room is open, and retains the order", () => {
  const { feed, published, calls } = feedOf();
  for (const text of ["1", "2"]) feed.publish(publicationOf(text));
  assertEquals([published, feed.isOpening, feed.hasPending], [[], true, true]);
  feed.onOpened(OPENING);
  feed.publish(publicationOf("3"));
  assertEquals(textsOf(published), ["1", "2", "3"]);
  assertEquals([feed.isOpening, calls], [false, ["opened"]]);
});

Deno.test("RoomFeed.publish() answers for an id that the stream already has when the room opens", () => {
  const { feed, published } = feedOf();
  const [same, other, fresh] = [
    publicationOf("hi", "x"),
    publicationOf("ho", "x"),
    publicationOf("hi", "y"),
  ];
  for (const each of [same, other, fresh]) feed.publish(each);
  const tail = [messageOf(publicationOf("hi", "x"), 4096)];
  feed.onOpened({ headSeq: 4096, tail, hasOlder: false });
  assertEquals(same.outcomes, [{ seq: 4096, isDuplicate: true }]);
  assertEquals(other.outcomes, ["id reused"]);
  assertEquals([fresh.outcomes, published], [[], [fresh]]);
});

Deno.test("RoomFeed.onMessages() serves messages and tells their publishers", () => {
  const { feed, published, relayed, comeBack, calls } = feedOf();
  feed.onOpened(OPENING);
  const first = publicationOf("1", "x");
  const second = publicationOf("2", "y");
  for (const each of [first, second]) feed.publish(each);
  const foreign = { ...publicationOf("3"), author: BOB };
  feed.onMessages([messageOf(foreign, 4096)]);
  comeBack([messageOf(first, 8192), messageOf(second, 8193)], published);
  assertEquals(relayed, [[4096, false], [8192, true], [8193, true]]);
  assertEquals(first.outcomes, [{ seq: 8192, isDuplicate: false }]);
  assertEquals(second.outcomes, [{ seq: 8193, isDuplicate: false }]);
  assertEquals([calls.at(-1), feed.hasPending], ["settled", false]);
});

Deno.test("RoomFeed.onMessages() serves no duplicates, and answers with the first message", async () => {
  const { feed, stream, relayed, comeBack } = feedOf();
  feed.onOpened(OPENING);
  const [same, other, dropped, reused, lost] = [
    publicationOf("hi", "x"),
    publicationOf("ho", "x"),
    publicationOf("old", "y"),
    publicationOf("new", "y"),
    publicationOf("hi", "z"),
  ];
  stream.stored.push(messageOf(publicationOf("old", "y"), 2));
  for (const each of [same, other, dropped, reused, lost]) feed.publish(each);
  feed.onMessages([messageOf(publicationOf("hi", "x"), 4096)]);
  comeBack([
    messageOf(same, 8192, 4096),
    messageOf(other, 8193, 4096),
    // The memory does not have the first one any more, but the stream has.
    messageOf(dropped, 8194, 2),
    messageOf(reused, 8195, 2),
    // The stream does not have it either.
    messageOf(lost, 8196, 1),
  ], [same, other, dropped, reused, lost]);
  // Three reads of the stream end.
  await Promise.all(stream.reads);
  assertEquals(relayed, [[4096, false]]);
  assertEquals(same.outcomes, [{ seq: 4096, isDuplicate: true }]);
  assertEquals(other.outcomes, ["id reused"]);
  assertEquals(dropped.outcomes, [{ seq: 2, isDuplicate: true }]);
  assertEquals(reused.outcomes, ["id reused"]);
  assertEquals(lost.outcomes, [{ seq: 1, isDuplicate: true }]);
});

Deno.test("RoomFeed.onRefused() tells the publishers, and those who wait that nothing is pending", async () => {
  const { feed, stream, published } = feedOf();
  feed.onOpened(OPENING);
  const publication = publicationOf("hi", "x");
  let refusedCount = 0;
  const publisher = { onRefused: () => refusedCount++ } as unknown as NonNullable<
    StreamPublication["publisher"]
  >;
  const { opcode, bytes, author } = publication;
  feed.publish(publication);
  feed.publish({ opcode, bytes, author, publisher });
  const settled = feed.settled();
  stream.hasPending = false;
  feed.onRefused(published);
  await settled;
  assertEquals([publication.outcomes, refusedCount], [["not committed"], 1]);
});

Deno.test("RoomFeed.onOpenFailed() refuses what waits, and what is published later", async () => {
  const { feed, published, calls } = feedOf();
  const [before, after] = [publicationOf("1", "x"), publicationOf("2", "y")];
  feed.publish(before);
  const settled = feed.settled();
  feed.onOpenFailed(new HistoryUnavailableError("no stream"));
  await settled;
  await assertRejects(() => feed.opened, HistoryUnavailableError, "no stream");
  feed.publish(after);
  assertEquals([before.outcomes, after.outcomes], [["not committed"], ["not committed"]]);
  assertEquals([published, feed.hasPending, calls[0]], [[], false, "open failed"]);
});

Deno.test("RoomFeed.close() refuses what waits for a room that will not open", async () => {
  const { feed, published } = feedOf();
  const publication = publicationOf("1", "x");
  feed.publish(publication);
  const settled = feed.settled();
  feed.close();
  await settled;
  await assertRejects(() => feed.opened, HistoryUnavailableError);
  assertEquals([publication.outcomes, published], [["not committed"], []]);
});

Deno.test("RoomFeed.close() tells the other processes of the last changes", () => {
  const { feed, told } = feedOf();
  feed.onOpened(OPENING);
  feed.join(ANN);
  feed.tellPresence();
  feed.leave(ANN);
  feed.close();
  feed.close();
  assertEquals(told, [[["a"], []], [[], ["a"]]]);
});

Deno.test("RoomFeed.localMembers are those that the other processes have been told of", () => {
  const { feed, told } = feedOf();
  const localIds = () => Array.from(feed.localMembers, ({ id }) => id);
  feed.join(ANN);
  assertEquals(localIds(), []);
  feed.onOpened(OPENING);
  feed.tellPresence();
  assertEquals(localIds(), ["a"]);
  // Bob is never told of, so others must not hear of him in an answer either.
  feed.join(BOB);
  assertEquals(localIds(), ["a"]);
  feed.leave(BOB);
  feed.leave(ANN);
  assertEquals(localIds(), ["a"]);
  feed.tellPresence();
  feed.tellPresence();
  assertEquals([localIds(), told], [[], [[["a"], []], [[], ["a"]]]]);
});

Deno.test("RoomFeed.onJoined() and RoomFeed.onLeft() change who is present", () => {
  const { feed, presence } = feedOf();
  feed.onOpened(OPENING);
  const annie = { ...ANN, name: "Annie" };
  feed.onJoined([ANN, BOB]);
  feed.onJoined([annie]);
  feed.onLeft([ANN]);
  assertEquals(presence.list(), [annie, BOB]);
  feed.onLeft([annie, BOB]);
  assertEquals(presence.size, 0);
});

Deno.test("RoomFeed.onGap() tells the members, and nobody resumes across the gap", async () => {
  const { feed, history, announced } = feedOf();
  feed.onOpened(OPENING);
  feed.onMessages([messageOf(publicationOf("1"), 4096)]);
  feed.onGap(4096, 12288);
  feed.onMessages([messageOf(publicationOf("2"), 16384)]);
  assertEquals(announced, [{
    type: "gap",
    after: `${EPOCH}-4096`,
    before: `${EPOCH}-12289`,
    missedCount: 0,
    reason: "expired",
  }]);
  assertEquals(await history.replayStart({ last: 9 }), { after: 12288, isRecovered: false });
});

Deno.test("RoomFeed.onDeleted() hides the messages, and frees their ids", () => {
  const { feed, published, calls } = feedOf();
  feed.onOpened(OPENING);
  feed.onMessages([messageOf(publicationOf("hi", "x"), 4096)]);
  assertEquals(feed.isUsed, true);
  feed.onDeleted();
  assertEquals([calls.at(-1), feed.isUsed], ["deleted", false]);
  feed.publish(publicationOf("hi", "x"));
  assertEquals(textsOf(published), ["hi"]);
});
