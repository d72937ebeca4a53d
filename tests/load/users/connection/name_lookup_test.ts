import { assert, assertEquals } from "@std/assert";
import type { LookupAddress } from "node:dns";
import { lookUpName, lookupOf } from "../../../../lib/load/users/connection/name_lookup.ts";

const { signal } = new AbortController();

Deno.test("lookUpName() finds the addresses of a name as the system does", async () => {
  const found = await lookUpName("ws://localhost:8000/ws", { timeoutMs: 10_000, signal });
  assert(found && "addresses" in found && found.ms >= 0);
  assert(found.addresses.some(({ address }) => address === "127.0.0.1" || address === "::1"));
});

for (const url of ["ws://127.0.0.1:8000/ws", "wss://[::1]/"]) {
  Deno.test(`lookUpName() has nothing to look up in ${url}`, async () => {
    assertEquals(await lookUpName(url, { timeoutMs: 10_000, signal }), undefined);
  });
}

Deno.test("lookUpName() tells the reason for an unknown name", async () => {
  const lookup = () => Promise.reject(Object.assign(new Error(), { code: "ENOTFOUND" }));
  assertEquals(await lookUpName("ws://nobody/ws", { timeoutMs: 10_000, signal, lookup }), {
    failure: {
      cause: "unknown host",
      advice: "The host of ws://nobody/ws was not found: check the host name in --url",
    },
  });
});

Deno.test("lookUpName() gives up after a timeout", async () => {
  const lookup = () => new Promise<never>(() => {});
  assertEquals(await lookUpName("ws://slow/", { timeoutMs: 1, signal, lookup }), {
    failure: {
      cause: "name lookup timeout",
      advice: "The host of ws://slow/ was not found within 1 ms (--connect-timeout): " +
        "check the name servers of this machine, or use an address in --url",
    },
  });
});

Deno.test("lookUpName() ends when its signal aborts", async () => {
  const stop = new AbortController();
  const lookup = () => {
    stop.abort();
    return new Promise<never>(() => {});
  };
  const options = { timeoutMs: 10_000, signal: stop.signal, lookup };
  assertEquals(await lookUpName("ws://slow/", options), undefined);
});

const ADDRESSES: readonly LookupAddress[] = ["::1", "10.0.0.1", "::2", "10.0.0.2", "10.0.0.3"].map(
  (address) => ({ address, family: address.includes(":") ? 6 : 4 }),
);

for (
  const [turn, addresses] of [
    [0, ["::1", "10.0.0.1", "::2", "10.0.0.2", "10.0.0.3"]],
    [1, ["::2", "10.0.0.2", "::1", "10.0.0.3", "10.0.0.1"]],
    [5, ["::2", "10.0.0.3", "::1", "10.0.0.1", "10.0.0.2"]],
    [6, ["::1", "10.0.0.1", "::2", "10.0.0.2", "10.0.0.3"]],
  ] as const
) {
  Deno.test(`lookupOf() with turn ${turn} begins with ${addresses[0]}`, () => {
    const lookup = lookupOf(ADDRESSES, turn);
    const results: unknown[] = [];
    lookup("name", { all: true }, (...result) => results.push(result));
    lookup("name", { all: false }, (...result) => results.push(result));
    lookup("name", { family: 4 }, (...result) => results.push(result));
    assertEquals(results, [
      [null, addresses.map((address) => ADDRESSES.find((each) => each.address === address))],
      [null, addresses[0], 6],
      [null, addresses[1], 4],
    ]);
  });
}

Deno.test("lookupOf() has all addresses if none is of the family", () => {
  const lookup = lookupOf([{ address: "10.0.0.1", family: 4 }], 7);
  lookup("name", { family: 6 }, (...result) => assertEquals(result, [null, "10.0.0.1", 4]));
});
