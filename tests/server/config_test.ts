import { assertEquals } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { configFaults, SERVER_FLAGS } from "../../lib/server/config.ts";

const FAULT = "Cannot start because --allow-origin must be an origin without a path, such as " +
  "https://example.com or https://*.example.com, or *: --allow-origin was";

Deno.test("SERVER_FLAGS refuses an --allow-origin that no origin can match", () => {
  for (const origin of ["https://a*.example", "https://b.example/path", "null"]) {
    const args = ["https://*.example.com", "*", origin].flatMap((each) => ["--allow-origin", each]);
    assertEquals(parseFlags(SERVER_FLAGS, { args }).faults, [`${FAULT} "${origin}"`]);
  }
});

function faultsOf(...args: string[]): readonly string[] {
  return configFaults(parseFlags(SERVER_FLAGS, { args }).config);
}

Deno.test("configFaults() reports --metrics-listen on the address of --port", () => {
  const onPort = (port: string, metrics: string, hostname = "127.0.0.1") =>
    faultsOf("--hostname", hostname, "--port", port, "--metrics-listen", metrics);
  const faultOf = (metrics: string) =>
    `Cannot use --metrics-listen (CHORUS_METRICS_LISTEN) ${metrics}: ` +
    "--port (CHORUS_PORT) has this port already; choose another one";
  for (
    const [metrics, hostname] of [
      ["127.0.0.1:8000", "127.0.0.1"],
      ["0.0.0.0:8000", "127.0.0.1"],
      ["127.0.0.1:8000", "0.0.0.0"],
      ["10.0.0.1:8000", "::"],
      ["[::]:8000", "10.0.0.1"],
      ["[::1]:8000", "::1"],
      ["Localhost:8000", "localhost"],
    ] as const
  ) assertEquals(onPort("8000", metrics, hostname), [faultOf(metrics)], metrics);
  assertEquals(onPort("8000", "127.0.0.1:9464"), []);
  assertEquals(onPort("8000", "10.0.0.1:8000"), []);
  assertEquals(onPort("0", "127.0.0.1:0"), []);
});

Deno.test("configFaults() reports what --listen-fd cannot be used with", () => {
  const cannot = "Cannot use --listen-fd (CHORUS_LISTEN_FD) with";
  const args = ["--engine", "serve", "--hostname", "0.0.0.0", "--port", "80", "--listen-fd", "3"];
  assertEquals(faultsOf(...args), [
    `${cannot} --engine (CHORUS_ENGINE) serve: Deno.serve cannot use an open socket`,
    `${cannot} --hostname (CHORUS_HOSTNAME) 0.0.0.0: the socket has its own address`,
    `${cannot} --port (CHORUS_PORT) 80: the socket has its own address`,
  ]);
  // The metrics may use the default port: the server does not listen there.
  assertEquals(faultsOf("--listen-fd", "3", "--metrics-listen", "127.0.0.1:8000"), []);
});

Deno.test("configFaults() reports --data-wait without --data", () => {
  assertEquals(faultsOf("--data-wait", "1m"), [
    "Cannot use --data-wait (CHORUS_DATA_WAIT) without --data (CHORUS_DATA): it is not set",
  ]);
  assertEquals(faultsOf("--data-wait", "1m", "--data", "chat.db"), []);
});

Deno.test("configFaults() reports a --drain-timeout that ends before the window does", () => {
  const delayed = ["--drain-delay", "5s", "--drain-window", "10s"];
  const fault = "Cannot stop by --drain-timeout (CHORUS_DRAIN_TIMEOUT) 15s: it begins with the " +
    "signal, so it must be at least --drain-delay (CHORUS_DRAIN_DELAY) and --drain-window " +
    "(CHORUS_DRAIN_WINDOW) and 1s together, which is 16s";
  assertEquals(faultsOf(...delayed, "--drain-timeout", "15s"), [fault]);
  assertEquals(faultsOf(...delayed, "--drain-timeout", "16s"), []);
  assertEquals(faultsOf("--drain-timeout", "0"), []);
});
