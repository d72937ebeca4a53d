import { assertEquals } from "@std/assert";
import { copyBytes } from "../../lib/chat/copy_bytes.ts";

Deno.test("copyBytes() returns the same bytes, which no later copy changes", () => {
  const source = crypto.getRandomValues(new Uint8Array(10_000));
  const lengths = [0, 1, 63, 64, 65, 4096, 4097, 10_000];
  const copies = Array.from({ length: 2000 }, (_, index) => {
    const start = index % 7;
    const end = Math.min(source.length, start + lengths[index % lengths.length]!);
    return { start, end, copy: copyBytes(source, start, end) };
  });
  const original = source.slice();
  source.fill(0);
  for (const { start, end, copy } of copies) assertEquals(copy, original.slice(start, end));
});
