import { assert, assertEquals } from "@std/assert";
import { bucketSize, TokenBucket } from "../../lib/chat/token_bucket.ts";

const SIZE = { tokensPerSecond: 10, capacity: 20 };

Deno.test("bucketSize() holds the tokens of the burst, and the minimum", () => {
  assertEquals(bucketSize(10, 5000, 1), { tokensPerSecond: 10, capacity: 50 });
  assertEquals(bucketSize(0.1, 5000, 1), { tokensPerSecond: 0.1, capacity: 1 });
  assertEquals(bucketSize(10, 0, 1), { tokensPerSecond: 10, capacity: 1 });
  assertEquals(bucketSize(0, 5000, 1), undefined);
});

Deno.test("TokenBucket.take() takes all tokens or none", () => {
  const bucket = new TokenBucket(SIZE, 0);
  assertEquals([bucket.take(15, 0), bucket.take(6, 0), bucket.take(5, 0)], [true, false, true]);
  assertEquals([bucket.take(1, 99), bucket.take(1, 100), bucket.take(1, 100)], [
    false,
    true,
    false,
  ]);
});

Deno.test("TokenBucket fills up to its capacity", () => {
  const bucket = new TokenBucket(SIZE, 0);
  bucket.take(20, 0);
  assertEquals([bucket.take(20, 3_600_000), bucket.take(1, 3_600_000)], [true, false]);
});

Deno.test("TokenBucket.spend() may leave a debt, which the rate pays off", () => {
  const bucket = new TokenBucket(SIZE, 0);
  bucket.spend(20, 0);
  assertEquals(bucket.isOverdrawn, false);
  bucket.spend(30, 0);
  assertEquals([bucket.isOverdrawn, bucket.waitMs(0, 0)], [true, 3000]);
  assertEquals([bucket.waitMs(0, 1000), bucket.waitMs(1, 1000)], [2000, 2100]);
  assertEquals([bucket.waitMs(0, 3000), bucket.isOverdrawn], [0, false]);
});

Deno.test("TokenBucket refills nothing when the clock jumps back", () => {
  const bucket = new TokenBucket(SIZE, 10_000);
  bucket.spend(20, 10_000);
  assertEquals(bucket.take(1, 0), false);
  assertEquals([bucket.take(1, 99), bucket.take(1, 100)], [false, true]);
});

Deno.test("TokenBucket.take() allows the rate and one burst, whatever is asked", () => {
  for (let seed = 1; seed <= 50; seed++) {
    let state = seed;
    const random = () => (state = state * 48271 % 2147483647) / 2147483647;
    const bucket = new TokenBucket(SIZE, 0);
    for (let step = 0, nowMs = 0, taken = 0; step < 500; step++) {
      nowMs += Math.floor(random() * 300);
      const count = Math.ceil(random() * 4);
      if (bucket.take(count, nowMs)) taken += count;
      else assert(bucket.waitMs(count, nowMs) > 0);
      assert(taken <= 20 + nowMs / 100 + 1e-6, `seed ${seed}: ${taken} after ${nowMs} ms`);
    }
  }
});
