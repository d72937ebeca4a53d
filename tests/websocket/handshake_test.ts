import { assertEquals } from "@std/assert";
import { checkHandshake, membersOf } from "../../lib/websocket/handshake.ts";

const GOOD = {
  host: "localhost",
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

type Changes = Readonly<Record<string, string | undefined>>;

const CASES: readonly [name: string, changes: Changes, status: number | undefined][] = [
  ["a good handshake", {}, undefined],
  ["tokens in any case and in lists", {
    upgrade: "h2c, WebSocket",
    connection: "keep-alive , UPGRADE",
  }, undefined],
  ["no upgrade", { upgrade: undefined }, 426],
  ["another upgrade", { upgrade: "websockets" }, 426],
  ["no connection token", { connection: "keep-alive" }, 400],
  ["no host", { host: undefined }, 400],
  ["two hosts", { host: "a, b" }, 400],
  ["a body", { "content-length": "3" }, 400],
  ["a body of unknown length", { "transfer-encoding": "chunked" }, 400],
  ["no body", { "content-length": "0" }, undefined],
  ["no version", { "sec-websocket-version": undefined }, 426],
  ["an old version", { "sec-websocket-version": "8" }, 426],
  ["two versions", { "sec-websocket-version": "13, 8" }, 426],
  ["no key", { "sec-websocket-key": undefined }, 400],
  ["a key of 15 bytes", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25j" }, 400],
  ["a key of 17 bytes", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZTE=" }, 400],
  ["a key that is not base64", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZ!==" }, 400],
  ["a key with stray bits", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZR==" }, 400],
  ["two keys", { "sec-websocket-key": `${GOOD["sec-websocket-key"]}, x` }, 400],
];

for (const [name, changes, status] of CASES) {
  Deno.test(`checkHandshake() answers ${status ?? "nothing"} to ${name}`, () => {
    const headers = new Headers(
      Object.entries({ ...GOOD, ...changes }).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, value]]
      ),
    );
    assertEquals(checkHandshake({ method: "GET", headers })?.status, status);
  });
}

Deno.test("checkHandshake() answers 405 to a method other than GET", () => {
  const fault = checkHandshake({ method: "POST", headers: new Headers(GOOD) });
  assertEquals([fault?.status, fault?.headers.allow], [405, "GET"]);
});

Deno.test("membersOf() splits a list at its commas, without the spaces and tabs around them", () => {
  assertEquals(membersOf("chorus.v1"), ["chorus.v1"]);
  assertEquals(membersOf(" a,B\t,\t c d , "), ["a", "B", "c d", ""]);
  // Other white space belongs to a member: a token with it is another one.
  assertEquals(membersOf("\xa0a,\x85b"), ["\xa0a", "\x85b"]);
  assertEquals(membersOf(null), []);
});

Deno.test("membersOf() takes linear time, whatever spaces are within a member", () => {
  // With quadratic time, this would take minutes.
  const member = `a${" ".repeat(1_000_000)}b`;
  assertEquals(membersOf(` ${member} ,c`), [member, "c"]);
});
