import { assert, assertEquals } from "@std/assert";
import { ANY_AGE } from "../../../lib/chat/history/age_range.ts";
import { Transcript } from "../../../lib/chat/history/transcript.ts";
import type { Message } from "../../../lib/chat/message.ts";
import { seededRandom } from "../../../lib/load/seeded_random.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import { AMPLE_BUDGET } from "../room_options.ts";

const AUTHOR = { id: null, name: null };

/** A transcript of messages from these times. The first has the sequence number 8. */
function transcriptOf(timesMs: readonly number[], bytes = 10): Transcript {
  const options = { retentionBytes: 100_000, budget: AMPLE_BUDGET, headSeq: 7 };
  const transcript = new Transcript(options);
  for (const atMs of timesMs) {
    transcript.append(OPCODE.text, new Uint8Array(bytes), 0, bytes, AUTHOR, atMs);
  }
  return transcript;
}

/** Messages by their times, and the newest that is too old if those from 50 to 100 are fresh. */
const LAST_OLD: readonly (readonly [timesMs: readonly number[], lastOldSeq: number])[] = [
  [[], 0],
  [[10, 20, 20], 10],
  [[10, 50, 100], 8],
  [[101, 101, 10, 20], 11],
  [[10, 101], 8],
  [[10, 10, 101, 60], 9],
  [[101], 0],
  [[101, 60, 10], 0],
  [[60, 10, 101, 20], 0],
  [[101, 10, 102, 20, 103, 60, 30], 11],
];

for (const [timesMs, lastOldSeq] of LAST_OLD) {
  Deno.test(`lastOldSeq() of messages from [${timesMs}], if 50 to 100 are fresh, is ${lastOldSeq}`, () => {
    const transcript = transcriptOf(timesMs);
    assertEquals(transcript.lastOldSeq({ fromMs: 50, nowMs: 100 }), lastOldSeq);
    assertEquals(transcript.lastOldSeq(ANY_AGE), 0);
  });
}

Deno.test("lastOldSeq() does not care about messages that memory has dropped", () => {
  const transcript = transcriptOf([60, ...Array(300).fill(10), 60], 1000);
  assertEquals(transcript.log.seqBefore > 8, true);
  assertEquals(transcript.lastOldSeq({ fromMs: 50, nowMs: 100 }), 308);
});

Deno.test("Transcript keeps the author and the time of each retained message while it trims", () => {
  const times = Array.from({ length: 10_000 }, (_, index) => index);
  const transcript = transcriptOf(times, 1000);
  const { seqBefore, headSeq } = transcript.log;
  assert(seqBefore > 9000, `${seqBefore}`);
  const messages = transcript.read(seqBefore, 10_000, Infinity);
  assertEquals(
    messages.map(({ seq, atMs }) => [seq, atMs]),
    times.slice(seqBefore - 7).map((ms) => [ms + 8, ms]),
  );
  assertEquals(messages.at(-1)!.seq, headSeq);
  assertEquals(transcript.authorSpans(8, 8), [], "the author of a dropped message is forgotten");
});

for (let seed = 1; seed <= 50; seed++) {
  Deno.test(`Transcript with missing sequence numbers behaves like the model, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const retentionBytes = 1 + below(20_000);
    const transcript = new Transcript({ retentionBytes, budget: AMPLE_BUDGET, headSeq: 7 });
    const messages: Message[] = [];
    const authors = [AUTHOR, { id: "a", name: "Ann" }, { id: "b", name: null }];
    let [seq, atMs, author] = [7, 0, AUTHOR as Message["author"]];
    for (let step = 0; step < 300; step++) {
      seq += random() < 0.3 ? 1 + below(5000) : 1;
      if (random() < 0.3) atMs += below(10);
      if (random() < 0.3) author = authors[below(3)]!;
      const body = `${step}`.padEnd(below(300));
      const bytes = new TextEncoder().encode(body);
      transcript.append(OPCODE.text, bytes, 0, bytes.length, author, atMs, seq);
      messages.push({ seq, author, atMs, body });
      if (step % 10 > 0) continue;
      const { seqBefore } = transcript.log;
      const retained = messages.filter((message) => message.seq > seqBefore);
      const limit = below(retained.length + 2);
      // Between two messages, or one of them.
      const after = Math.max(seqBefore, retained[below(retained.length)]!.seq - below(3));
      const later = retained.filter((message) => message.seq > after);
      assertEquals(transcript.read(after, limit, Infinity), later.slice(0, limit));
      const upTo = retained[below(retained.length)]!.seq + below(3) - 1;
      const newest = later.filter((message) => message.seq <= upTo).slice(-limit);
      assertEquals(transcript.readBefore(upTo, limit, after), limit === 0 ? [] : newest);
      const fromMs = below(atMs + 2);
      const fresh = retained.find((message) => message.atMs >= fromMs);
      const lastOldSeq = transcript.lastOldSeq({ fromMs, nowMs: atMs });
      const served = retained.filter((message) => message.seq > lastOldSeq);
      assertEquals(served[0]?.seq, fresh?.seq, "exactly the fresh messages are served");
    }
  });
}
