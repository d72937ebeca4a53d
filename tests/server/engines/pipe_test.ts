import { assertEquals } from "@std/assert";
import { Pipe } from "../../../lib/server/engines/pipe.ts";
import type { Transport, TransportListener } from "../../../lib/websocket/transport.ts";

/** A transport that finishes writes only on request, and records the calls. */
class SlowTransport implements Transport {
  listener: TransportListener = { onData: () => {}, onEnd: () => {}, onGone: () => {} };
  readonly done: string[] = [];
  #onWritten: (() => void) | undefined;

  write(bytes: Uint8Array, onWritten: () => void): boolean {
    this.done.push(`write ${bytes.length}`);
    this.#onWritten = onWritten;
    return false;
  }

  written(): void {
    this.#onWritten?.();
  }

  end(): void {
    this.done.push("end");
  }

  destroy(): void {
    this.done.push("destroy");
  }

  reset(): void {
    this.done.push("reset");
  }

  pause(): void {
    this.done.push("pause");
  }

  resume(): void {
    this.done.push("resume");
  }
}

Deno.test("Pipe closes one side only after all bytes from the other are written", () => {
  const client = new SlowTransport(), upstream = new SlowTransport();
  let closedCount = 0;
  new Pipe(client, upstream, () => closedCount++);
  upstream.listener.onData(new Uint8Array(5));
  upstream.listener.onEnd();
  assertEquals([client.done, upstream.done], [["write 5"], ["pause"]]);
  client.written();
  assertEquals(client.done, ["write 5", "end"]);
  client.listener.onGone(undefined);
  upstream.listener.onGone(undefined);
  assertEquals([closedCount, upstream.done], [1, ["pause", "destroy"]]);
});

Deno.test("Pipe copies one chunk at a time, then closes the other side", () => {
  const client = new SlowTransport(), upstream = new SlowTransport();
  new Pipe(client, upstream, () => {});
  client.listener.onData(new Uint8Array(3));
  assertEquals([client.done, upstream.done], [["pause"], ["write 3"]]);
  upstream.written();
  client.listener.onEnd();
  assertEquals([client.done, upstream.done], [["pause", "resume"], ["write 3", "end"]]);
});
