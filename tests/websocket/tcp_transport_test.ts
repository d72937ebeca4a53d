import { assertEquals } from "@std/assert";
import { checkTcpTransport } from "../../lib/websocket/tcp_transport.ts";
import { replaceMethod } from "./hidden_handles.ts";

Deno.test("checkTcpTransport() returns true in this version of Deno", async () => {
  assertEquals(await checkTcpTransport(), true);
});

for (const name of ["useUserBuffer", "reset"]) {
  Deno.test(`checkTcpTransport() returns false if handles have no ${name}()`, async () => {
    using _replaced = replaceMethod(name, undefined);
    assertEquals(await checkTcpTransport(), false);
  });
}

Deno.test("checkTcpTransport() returns false if handles do not read into the buffer", async () => {
  using _replaced = replaceMethod("useUserBuffer", () => {});
  assertEquals(await checkTcpTransport(), false);
});

Deno.test("checkTcpTransport() returns false if writes end without a report", async () => {
  using _replaced = replaceMethod("writeBuffer", () => 0);
  assertEquals(await checkTcpTransport(), false);
});
