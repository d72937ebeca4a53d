import { assertEquals } from "@std/assert";
import { TextQueue } from "../../lib/cli/text_queue.ts";

/** A stream whose writes finish when the test says so. */
class Stream {
  text = "";
  #writes: { bytes: Uint8Array; settle: PromiseWithResolvers<number> }[] = [];
  #written = Promise.withResolvers<void>();

  write(bytes: Uint8Array): Promise<number> {
    const settle = Promise.withResolvers<number>();
    this.#writes.push({ bytes, settle });
    this.#written.resolve();
    return settle.promise;
  }

  /** Waits for the next write, takes at most this many bytes of it, and returns them. */
  async take(maxBytes = Infinity): Promise<string> {
    const { bytes, settle } = await this.#next();
    const taken = bytes.subarray(0, maxBytes);
    settle.resolve(taken.length);
    return new TextDecoder().decode(taken);
  }

  /** Waits for the next write, and fails it. */
  async fail(error: Error): Promise<void> {
    (await this.#next()).settle.reject(error);
  }

  async #next() {
    while (this.#writes.length === 0) {
      this.#written = Promise.withResolvers<void>();
      await this.#written.promise;
    }
    assertEquals(this.#writes.length, 1, "two writes at a time");
    return this.#writes.shift()!;
  }
}

function queueOver(stream: Stream, maxLength = 10) {
  const errors: string[] = [];
  const queue: TextQueue = new TextQueue(stream, {
    maxLength,
    onDropped: (count) => queue.push(`(${count} dropped)`),
    onFailed: (error) => errors.push((error as Error).message),
  });
  return { queue, errors };
}

Deno.test("TextQueue writes texts in order, one write at a time", async () => {
  const stream = new Stream();
  const { queue } = queueOver(stream);
  for (const text of ["a", "b", "ü"]) queue.push(text);
  assertEquals(await stream.take(), "a");
  assertEquals(await stream.take(), "bü");
  await queue.flush(1000);
});

Deno.test("TextQueue.droppedCount is the number of texts dropped in all outages", async () => {
  const stream = new Stream();
  const { queue } = queueOver(stream);
  const counts = [];
  for (let outage = 0; outage < 2; outage++) {
    for (const text of ["written", "waits", "too long", "x"]) queue.push(text);
    counts.push(queue.droppedCount);
    for (const written of ["written", "waits", "(2 dropped)"]) {
      assertEquals(await stream.take(), written);
    }
    await queue.flush(1000);
  }
  assertEquals(counts, [2, 4]);
});

Deno.test("TextQueue writes the rest of a text that was written in part", async () => {
  const stream = new Stream();
  const { queue } = queueOver(stream);
  queue.push("abcd");
  assertEquals(await stream.take(1), "a");
  assertEquals(await stream.take(2), "bc");
  assertEquals(await stream.take(), "d");
  await queue.flush(1000);
});

Deno.test("TextQueue writes whole lines, up to 4096 bytes at a time", async () => {
  const stream = new Stream();
  const { queue } = queueOver(stream, 100_000);
  const line = `${"x".repeat(1499)}\n`;
  const long = `${"y".repeat(5000)}\n`;
  for (const text of ["first", line, line, line, long]) queue.push(text);
  assertEquals(await stream.take(), "first");
  assertEquals(await stream.take(), line + line);
  assertEquals(await stream.take(), line);
  assertEquals(await stream.take(), long.slice(0, 4096));
  assertEquals(await stream.take(), long.slice(4096));
  await queue.flush(1000);
});

Deno.test("TextQueue drops texts beyond its bound, and reports them where they are missing", async () => {
  const stream = new Stream();
  const { queue } = queueOver(stream);
  queue.push("first");
  queue.push("123456");
  queue.push("7890a");
  // Short enough, but after a dropped one.
  queue.push("b");
  assertEquals(await stream.take(), "first");
  assertEquals(await stream.take(), "123456");
  assertEquals(await stream.take(), "(2 dropped)");
  await queue.flush(1000);
  queue.push("again");
  assertEquals(await stream.take(), "again");
});

Deno.test("TextQueue writes a text that alone is longer than its bound", async () => {
  const stream = new Stream();
  const { queue } = queueOver(stream);
  queue.push("x".repeat(11));
  assertEquals(await stream.take(), "x".repeat(11));
});

Deno.test("TextQueue tries a failed write again, and reports each outage once", async () => {
  const stream = new Stream();
  const { queue, errors } = queueOver(stream);
  queue.push("abc");
  assertEquals(await stream.take(1), "a");
  for (let count = 0; count < 2; count++) await stream.fail(new Error("full"));
  assertEquals(await stream.take(), "bc");
  await queue.flush(1000);
  queue.push("d");
  await stream.fail(new Error("full again"));
  assertEquals(await stream.take(), "d");
  assertEquals(errors, ["full", "full again"]);
});

Deno.test("TextQueue waits for a full stream in non-blocking mode, and reports no outage", async () => {
  const stream = new Stream();
  const { queue, errors } = queueOver(stream);
  queue.push("abc");
  await stream.fail(new Deno.errors.WouldBlock("full"));
  const flushed = queue.flush(1_000_000_000);
  assertEquals(await stream.take(), "abc");
  await flushed;
  assertEquals(errors, []);
});

Deno.test("TextQueue.flush() gives up after its timeout", async () => {
  const stream = new Stream();
  const { queue } = queueOver(stream);
  queue.push("abc");
  await queue.flush(0);
  assertEquals(await stream.take(), "abc");
  await queue.flush(1_000_000_000);
});
