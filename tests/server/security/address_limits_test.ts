import { assertEquals } from "@std/assert";
import {
  AddressBuckets,
  AddressCounts,
  AddressLimits,
} from "../../../lib/server/security/address_limits.ts";

const NONE = { maxConnectionsPerAddress: 0, handshakeRate: 0, publishRate: 0, rateBurstMs: 1000 };

Deno.test("AddressLimits without limits allows everything, and counts nothing", () => {
  const limits = new AddressLimits(NONE);
  for (let count = 0; count < 1000; count++) {
    limits.connections.enter("a");
    assertEquals([limits.handshake("a", 0), limits.publish("a", 0)], [0, 0]);
  }
  assertEquals(limits.connections.isFull("a"), false);
  limits.connections.leave("a");
});

Deno.test("AddressCounts.isFull() is about the connections of one address", () => {
  const counts = new AddressCounts(2);
  const isFull = () => ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map((ip) => counts.isFull(ip));
  counts.enter("2001:db8::1");
  assertEquals(isFull(), [false, false, false]);
  counts.enter("2001:db8::2");
  assertEquals(isFull(), [true, true, false]);
  for (let count = 0; count < 2; count++) counts.leave("2001:db8::1");
  counts.enter("2001:db8::1");
  assertEquals(isFull(), [false, false, false]);
  counts.enter("::ffff:192.0.2.1");
  counts.enter("192.0.2.1");
  assertEquals(isFull(), [false, false, true]);
});

Deno.test("AddressLimits.handshake() and publish() have a bucket each, per address", () => {
  const limits = new AddressLimits({ ...NONE, handshakeRate: 2, publishRate: 0.1 });
  assertEquals([1, 2, 3].map(() => limits.handshake("a", 0)), [0, 0, 500]);
  assertEquals([1, 2].map(() => limits.publish("a", 0)), [0, 10_000]);
  assertEquals([limits.handshake("b", 0), limits.publish("b", 0)], [0, 0]);
  assertEquals([limits.handshake("a", 250), limits.handshake("a", 500)], [250, 0]);
});

Deno.test("AddressBuckets remembers a bucket until it is full, and not much longer", () => {
  const buckets = new AddressBuckets({ tokensPerSecond: 1, capacity: 10 });
  for (let count = 0; count < 10; count++) buckets.take("a", 0);
  assertEquals([buckets.take("a", 0), buckets.take("a", 500)], [1000, 500]);
  // Whatever other addresses do, the empty bucket stays while it fills.
  for (let nowMs = 1000; nowMs <= 9000; nowMs += 1000) {
    buckets.take(`${nowMs}`, nowMs);
    assertEquals(buckets.take("a", nowMs), 0);
    assertEquals(buckets.take("a", nowMs), 1000);
  }
  for (let nowMs = 10_000; nowMs <= 30_000; nowMs += 1000) buckets.take("b", nowMs);
  assertEquals(buckets.size, 1);
});

Deno.test("AddressBuckets has a bounded number of buckets in a flood of addresses", () => {
  const buckets = new AddressBuckets({ tokensPerSecond: 1, capacity: 2 }, 100);
  let largest = 0;
  for (let index = 0; index < 100_000; index++) {
    assertEquals(buckets.take(`${index}`, index / 1000), 0);
    largest = Math.max(largest, buckets.size);
  }
  assertEquals(largest, 200);
});

Deno.test("AddressBuckets limits an address that is active during a flood", () => {
  const buckets = new AddressBuckets({ tokensPerSecond: 1, capacity: 5 }, 100);
  let allowedCount = 0;
  for (let index = 0; index < 10_000; index++) {
    buckets.take(`${index}`, 0);
    if (buckets.take("a", 0) === 0) allowedCount++;
  }
  assertEquals(allowedCount, 5);
});
