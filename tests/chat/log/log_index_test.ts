import { assertEquals } from "@std/assert";
import { MessageLog } from "../../../lib/chat/log/message_log.ts";
import { seededRandom } from "../../../lib/load/seeded_random.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import { AMPLE_BUDGET } from "../room_options.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A frame of the model: a message, or an event, which has no sequence number. */
interface ModelFrame {
  readonly seq: number | undefined;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A log, and all frames that were ever appended. */
class ModelLog {
  readonly frames: ModelFrame[] = [];
  readonly log: MessageLog;
  readonly #headSeq: number;

  constructor(retentionBytes: number, headSeq: number) {
    this.log = new MessageLog({ retentionBytes, budget: AMPLE_BUDGET, headSeq });
    this.#headSeq = headSeq;
  }

  append(text: string, seq: number): void {
    const bytes = encoder.encode(text);
    const start = this.log.append(OPCODE.text, bytes, 0, bytes.length, seq);
    this.frames.push({ seq, start, end: this.log.head, text });
  }

  appendEvent(text: string): void {
    const start = this.log.head;
    this.log.appendEvent(OPCODE.text, encoder.encode(text));
    this.frames.push({ seq: undefined, start, end: this.log.head, text });
  }

  /** The messages that the log has retained. */
  get retained(): (ModelFrame & { readonly seq: number })[] {
    return this.frames.filter((frame): frame is ModelFrame & { seq: number } =>
      frame.seq !== undefined && frame.start >= this.log.start
    );
  }

  /** The last message that ends at or before an offset, or the one before the log. */
  seqAt(offset: number): number {
    const before = this.frames.filter(({ seq, end }) => seq !== undefined && end <= offset);
    return before.at(-1)?.seq ?? this.#headSeq;
  }

  /** Where the last message up to a sequence number ends, or the log starts. */
  offsetAfter(seq: number): number {
    return this.retained.filter((frame) => frame.seq <= seq).at(-1)?.end ?? this.log.start;
  }

  check(below: (limit: number) => number): void {
    const { log, retained } = this;
    assertEquals([log.headSeq, log.seqBefore], [this.seqAt(log.head), this.seqAt(log.start)]);
    const seqs = retained.map(({ seq }) => seq);
    const ends = this.frames.filter(({ start }) => start >= log.start).map(({ end }) => end);
    for (let left = 8; left > 0; left--) {
      const end = ends[below(ends.length)] ?? log.head;
      assertEquals(log.seqAt(end), this.seqAt(end), `seqAt(${end})`);
      // Numbers between two messages, and before and after all of them.
      const seq = (seqs[below(seqs.length)] ?? log.headSeq) + below(3) - 1;
      const from = Math.max(seq, log.seqBefore);
      assertEquals(log.offsetAfter(seq), this.offsetAfter(seq), `offsetAfter(${seq})`);
      const texts: string[] = [];
      const limit = below(20);
      log.eachAfter(from, (each, _opcode, payload) => {
        if (texts.length === limit) return false;
        texts.push(`${each} ${decoder.decode(payload)}`);
        return true;
      });
      const after = retained.filter((frame) => frame.seq > from).slice(0, limit);
      assertEquals(texts, after.map((frame) => `${frame.seq} ${frame.text}`), `after ${from}`);
      const count = below(seqs.length + 3);
      const before = [log.seqBefore, ...seqs].at(-1 - count);
      assertEquals(log.seqBeforeNewest(count), before, `seqBeforeNewest(${count})`);
    }
    const [from, to] = [below(log.head + 1), below(log.head + 1)];
    const events = this.frames.filter(({ seq, start }) =>
      seq === undefined && start >= Math.max(from, log.start) && start < to
    );
    assertEquals(log.events(from, to), events.map(({ start, end }) => ({ start, end })));
  }
}

for (let seed = 1; seed <= 100; seed++) {
  Deno.test(`LogIndex knows messages, jumps, and events like the model, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const model = new ModelLog(1 + below(20_000), below(2) * below(10_000));
    const jumps = random();
    let seq = model.log.headSeq;
    for (let step = 0; step < 300; step++) {
      const text = `${step}`.padEnd(random() < 0.05 ? below(9000) : below(200), ".");
      if (random() < 0.2) model.appendEvent(text);
      else model.append(text, seq += random() < jumps ? 1 + below(5000) : 1);
      if (step % 10 === 0) model.check(below);
    }
    model.check(below);
  });
}
