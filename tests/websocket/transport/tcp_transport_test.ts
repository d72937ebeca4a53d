import { assertEquals } from "@std/assert";
import process from "node:process";
import { checkTcpTransport, TcpTransport } from "../../../lib/websocket/transport/tcp_transport.ts";
import { replaceMethod } from "./hidden_handles.ts";

Deno.test("checkTcpTransport() returns true in this version of Deno", async () => {
  assertEquals(await checkTcpTransport(), true);
});

for (const name of ["useUserBuffer", "reset"]) {
  Deno.test(`checkTcpTransport() returns false if handles have no ${name}()`, async () => {
    using _replaced = replaceMethod(name, () => undefined);
    assertEquals(await checkTcpTransport(), false);
  });
}

Deno.test("checkTcpTransport() returns false if handles do not read into the buffer", async () => {
  using _replaced = replaceMethod("useUserBuffer", () => () => {});
  assertEquals(await checkTcpTransport(), false);
});

Deno.test("checkTcpTransport() returns false if a write throws", async () => {
  using _replaced = replaceMethod(
    "writeBuffer",
    (before) =>
      function (this: object, ...args: unknown[]) {
        if (args[0] instanceof TcpTransport) throw new TypeError("The request is no WriteWrap");
        return before.apply(this, args);
      },
  );
  assertEquals(await checkTcpTransport(), false);
});

const BINDINGS = {
  "is missing": undefined,
  "has no results": () => ({}),
  "throws": () => {
    throw new Error("No such module: stream_wrap");
  },
};

for (const [what, binding] of Object.entries(BINDINGS)) {
  Deno.test(`checkTcpTransport() returns false if process.binding() ${what}`, async () => {
    const before = Object.getOwnPropertyDescriptor(process, "binding")!;
    Object.defineProperty(process, "binding", { ...before, value: binding });
    try {
      assertEquals(await checkTcpTransport(), false);
    } finally {
      Object.defineProperty(process, "binding", before);
    }
    assertEquals(await checkTcpTransport(), true);
  });
}
