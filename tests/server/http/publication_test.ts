import { assertEquals } from "@std/assert";
import { readPublication } from "../../../lib/server/http/publication.ts";

const LIMITS = { maxMessageBytes: 100, requestTimeoutMs: 0 };

Deno.test("readPublication() copies what it reads, so that it holds no larger memory", async () => {
  // All parts are in the same memory, which each part overwrites.
  const memory = new Uint8Array(1);
  const parts = [..."abc"];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => {
      const part = parts.shift();
      if (part === undefined) return controller.close();
      memory[0] = part.charCodeAt(0);
      controller.enqueue(memory);
    },
  }, { highWaterMark: 0 });
  const request = new Request("http://localhost/", {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body,
  });
  assertEquals(await readPublication(request, LIMITS), { text: "abc", name: null });
});
