import { assertEquals } from "@std/assert";
import process from "node:process";
import { checkTcpTransport, TcpTransport } from "../../../lib/websocket/transport/tcp_transport.ts";
import { IGNORE_EVENTS } from "../../../lib/websocket/transport/transport.ts";
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

/** The parts of a handle that a transport uses to read. It notes what the transport calls. */
function fakeHandle(calls: string[]) {
  return {
    onread: () => {},
    useUserBuffer: () => {},
    readStart: () => (calls.push("start"), 0),
    readStop: () => (calls.push("stop"), 0),
    writeBuffer: () => 0,
    shutdown: () => 0,
    reset: () => 0,
    close: () => {},
    setNoDelay: () => 0,
    getpeername: () => 0,
  };
}

Deno.test("TcpTransport lets others read after two reads that fill its buffer", async () => {
  const calls: string[] = [];
  const restarted = Promise.withResolvers<void>();
  const handle = fakeHandle(calls);
  const transport = new TcpTransport(handle, IGNORE_EVENTS);
  for (const bytes of [65_536, 100, 65_536]) transport.onRead(bytes);
  assertEquals(calls, ["start"]);
  transport.onRead(65_536);
  assertEquals(calls, ["start", "stop"]);
  handle.readStart = () => (restarted.resolve(), 0);
  await restarted.promise;
});

Deno.test("TcpTransport that is paused or destroyed while others read does not read on", async () => {
  const calls: string[] = [];
  const [paused, destroyed, other] = [0, 1, 2].map(() =>
    new TcpTransport(fakeHandle(calls), IGNORE_EVENTS)
  );
  for (const transport of [paused!, destroyed!]) {
    transport.onRead(65_536);
    transport.onRead(65_536);
  }
  paused!.pause();
  destroyed!.destroy();
  // Readers read on in the order in which they began to wait.
  const { promise, resolve } = Promise.withResolvers<void>();
  other!.readOn = resolve;
  other!.onRead(65_536);
  other!.onRead(65_536);
  await promise;
  assertEquals(calls.filter((call) => call === "start").length, 3);
});
