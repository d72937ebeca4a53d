import { assert, assertEquals, assertThrows } from "@std/assert";
import { Cursor } from "../../../lib/chat/log/cursor.ts";
import { MessageLog } from "../../../lib/chat/log/message_log.ts";
import { AMPLE_BUDGET } from "../room_options.ts";
import { eachFrame, OPCODE } from "../../../lib/websocket/frame.ts";
import { seededRandom } from "../../../lib/load/seeded_random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function append(log: MessageLog, text: string, sender?: Cursor): void {
  const bytes = encoder.encode(text);
  const offset = log.append(OPCODE.text, bytes, 0, bytes.length);
  sender?.skip(offset, log.head);
}

/** Takes all frames and returns their texts. */
function takeAll(cursor: Cursor): string[] {
  const texts: string[] = [];
  for (let frames; (frames = cursor.take());) texts.push(...textsOf(frames));
  return texts;
}

function textsOf(frames: Uint8Array): string[] {
  return Array.from(eachFrame(frames), ({ payload }) => decoder.decode(payload));
}

Deno.test("MessageLog.append() writes frames that MessageLog.read() returns as they are", () => {
  const log = new MessageLog({ retentionBytes: 1000, budget: AMPLE_BUDGET });
  const source = encoder.encode("<hello>");
  assertEquals(log.append(OPCODE.text, source, 1, 6), 0);
  assertEquals(log.append(OPCODE.binary, Uint8Array.of(255), 0, 1), 7);
  assertEquals([...log.read(0, log.head)], [0x81, 5, 104, 101, 108, 108, 111, 0x82, 1, 255]);
});

for (const length of [0, 1, 64, 65, 125, 126, 65_535, 65_536, 300_000]) {
  Deno.test(`MessageLog.append() appends a message of ${length} bytes`, () => {
    const log = new MessageLog({ retentionBytes: 1000, budget: AMPLE_BUDGET });
    append(log, "before");
    const cursor = new Cursor(log);
    const text = "x".repeat(length);
    append(log, text);
    assertEquals(takeAll(cursor), [text]);
  });
}

Deno.test("Cursor.take() returns messages appended after the cursor was made", () => {
  const log = new MessageLog({ retentionBytes: 1000, budget: AMPLE_BUDGET });
  append(log, "before");
  const cursor = new Cursor(log);
  assertEquals([cursor.isBehind, cursor.take()], [false, undefined]);
  append(log, "one");
  append(log, "two");
  assertEquals(textsOf(cursor.take()!), ["one", "two"]);
  assertEquals(cursor.take(), undefined);
});

Deno.test("Cursor.take() skips the reader's own messages, wherever they are", () => {
  const log = new MessageLog({ retentionBytes: 1000, budget: AMPLE_BUDGET });
  const cursor = new Cursor(log);
  append(log, "mine 1", cursor);
  assertEquals(cursor.isBehind, false);
  append(log, "theirs 1");
  append(log, "mine 2", cursor);
  append(log, "mine 3", cursor);
  append(log, "theirs 2");
  append(log, "mine 4", cursor);
  assertEquals(textsOf(cursor.take()!), ["theirs 1"]);
  assertEquals(textsOf(cursor.take()!), ["theirs 2"]);
  assertEquals([cursor.take(), cursor.offset], [undefined, log.head]);
});

Deno.test("frames that a cursor has taken do not change when the log drops them", () => {
  const log = new MessageLog({ retentionBytes: 1, budget: AMPLE_BUDGET });
  const cursor = new Cursor(log);
  append(log, "retained");
  const frames = cursor.take()!;
  for (let count = 0; count < 1000; count++) append(log, "x".repeat(1000));
  assert(log.start > 0);
  assertEquals(textsOf(frames), ["retained"]);
});

Deno.test("a cursor that the log has left behind is lost and skips to the oldest retained frame", () => {
  const log = new MessageLog({ retentionBytes: 10_000, budget: AMPLE_BUDGET });
  const cursor = new Cursor(log);
  for (let count = 0; count < 1000; count++) append(log, String(count).padStart(1000));
  assert(cursor.isLost);
  assertThrows(() => cursor.take(), RangeError, "Cannot read the log before its start");
  cursor.skipToOldest();
  assertEquals(cursor.offset, log.start);
  const texts = takeAll(cursor);
  assertEquals(texts.at(-1)!.trim(), "999");
  assertEquals(Number(texts[0]), 1000 - texts.length);
  cursor.skipToOldest();
  assertEquals(cursor.offset, log.head);
});

Deno.test("MessageLog numbers messages and not events", () => {
  const log = new MessageLog({ retentionBytes: 1_000_000, headSeq: 7, budget: AMPLE_BUDGET });
  const ends = new Map([[7, 0]]);
  const events: { start: number; end: number }[] = [];
  for (let seq = 8; seq < 1000; seq++) {
    append(log, `${seq}`.padEnd(seq));
    ends.set(seq, log.head);
    if (seq % 3 > 0) continue;
    const start = log.head;
    log.appendEvent(OPCODE.text, encoder.encode("event"));
    events.push({ start, end: log.head });
  }
  assertEquals([log.seqBefore, log.headSeq], [7, 999]);
  for (const [seq, end] of ends) {
    assertEquals([log.offsetAfter(seq), log.seqAt(end)], [end, seq]);
  }
  for (const { end } of events) assertEquals(log.offsetAfter(log.seqAt(end)) < end, true);
  assertEquals(log.events(0, log.head), events);
  const [, , from, between, to] = events as { start: number; end: number }[];
  assertEquals(log.events(from!.start, to!.start), [from!, between!]);
});

/** The log as a model: an array of messages. */
interface ModelMessage {
  readonly text: string;
  readonly sender: number;
  readonly start: number;
}

for (let seed = 1; seed <= 200; seed++) {
  Deno.test(`MessageLog and Cursor behave like the model, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const retentionBytes = 1 + below(20_000);
    const log = new MessageLog({ retentionBytes, budget: AMPLE_BUDGET });
    const messages: ModelMessage[] = [];
    const cursors = Array.from({ length: 1 + below(5) }, () => new Cursor(log));
    // For each cursor the index of the next message to be served.
    const next = cursors.map(() => 0);

    for (let step = 0; step < 400; step++) {
      const index = below(cursors.length);
      const cursor = cursors[index]!;
      const what = random();
      if (what < 0.6) {
        const sender = random() < 0.2 ? -1 : index;
        const text = `${step}`.padEnd(random() < 0.05 ? below(9000) : below(200), ".");
        messages.push({ text, sender, start: log.head });
        append(log, text, cursors[sender]);
      } else if (what < 0.9) {
        if (cursor.isLost) {
          assertThrows(() => cursor.take(), RangeError);
          cursor.skipToOldest();
          while ((messages[next[index]!]?.start ?? log.head) < log.start) next[index]!++;
        }
        for (const text of textsOf(cursor.take() ?? new Uint8Array(0))) {
          while (messages[next[index]!]!.sender === index) next[index]!++;
          assertEquals(text, messages[next[index]!++]!.text);
        }
      } else {
        // A new reader is served from here on.
        cursors[index] = new Cursor(log);
        next[index] = messages.length;
        for (const [at, message] of messages.entries()) {
          if (message.sender === index) messages[at] = { ...message, sender: -2 };
        }
      }
      assert(log.head - log.start <= log.head, "the log retains no more than it has");
      assert(
        log.start === 0 || log.head - log.start >= retentionBytes,
        "the log retains at least its retention",
      );
    }
    for (const [index, cursor] of cursors.entries()) {
      if (cursor.isLost) continue;
      const expected = messages.slice(next[index]).filter(({ sender }) => sender !== index);
      assertEquals(takeAll(cursor), expected.map(({ text }) => text));
    }
  });
}
