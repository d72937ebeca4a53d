import { assertEquals, assertStringIncludes } from "@std/assert";
import { environmentName, flagName } from "../../lib/cli/flags/flag.ts";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { configFaults, SERVER_FLAG_GROUPS, SERVER_FLAGS } from "../../lib/server/config.ts";

const FAULT = "Cannot start because --allow-origin must be an origin without a path, such as " +
  "https://example.com or https://*.example.com, or *: --allow-origin was";

Deno.test("SERVER_FLAGS refuses an --allow-origin that no origin can match", () => {
  for (const origin of ["https://a*.example", "https://b.example/path", "null"]) {
    const args = ["https://*.example.com", "*", origin].flatMap((each) => ["--allow-origin", each]);
    assertEquals(parseFlags(SERVER_FLAGS, { args }).faults, [`${FAULT} "${origin}"`]);
  }
});

Deno.test("SERVER_FLAG_GROUPS hint at what is in each group", () => {
  for (
    const [key, hint] of [
      ["trustProxy", "proxies"],
      ["messageRate", "rates"],
      ["metricsListen", "metrics"],
    ] as const
  ) {
    const group = SERVER_FLAG_GROUPS.find(({ flags }) => key in flags)!;
    assertStringIncludes(group.hint, hint);
  }
});

Deno.test("SERVER_FLAGS refuses every empty text but --greeting", () => {
  const texts = Object.entries(SERVER_FLAGS).filter(([, flag]) => flag.kind === "text")
    .map(([key, flag]) => environmentName(flagName(key, flag)));
  const { faults } = parseFlags(SERVER_FLAGS, {
    args: [],
    env: (name) => texts.includes(name) ? "" : undefined,
  });
  assertEquals(
    faults,
    texts.filter((name) => name !== "CHORUS_GREETING").map((name) =>
      `Cannot start because ${name} is empty: give it a value, or leave it unset`
    ),
  );
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

Deno.test("configFaults() reports what --reuse-port cannot be used with", () => {
  const faultsOn = (os: typeof Deno.build.os, ...args: string[]) =>
    configFaults(parseFlags(SERVER_FLAGS, { args: ["--reuse-port", ...args] }).config, os);
  const cannot = "Cannot use --reuse-port (CHORUS_REUSE_PORT)";
  const nats = "--nats=nats://127.0.0.1:4222";
  assertEquals(faultsOn("linux", nats), []);
  assertEquals(faultsOn("darwin", nats), [`${cannot} on this system: it works on Linux only`]);
  assertEquals(faultsOn("linux", nats, "--port=0"), [
    `${cannot} with --port (CHORUS_PORT) 0: each server would get another port`,
  ]);
  assertEquals(faultsOn("linux", nats, "--listen-fd=3"), [
    `${cannot} with --listen-fd (CHORUS_LISTEN_FD) 3: the socket is open already`,
  ]);
  assertEquals(faultsOn("linux"), [`${cannot} without --nats (CHORUS_NATS): it is not set`]);
});

Deno.test("configFaults() reports --data-wait without --data", () => {
  assertEquals(faultsOf("--data-wait", "1m"), [
    "Cannot use --data-wait (CHORUS_DATA_WAIT) without --data (CHORUS_DATA): it is not set",
  ]);
  assertEquals(faultsOf("--data-wait", "1m", "--data", "chat.db"), []);
});

Deno.test("configFaults() reports flags without an effect", () => {
  const data = "--data (CHORUS_DATA): it is not set";
  const messageRates = "--message-rate (CHORUS_MESSAGE_RATE) or --byte-rate (CHORUS_BYTE_RATE)";
  const rates = "--message-rate (CHORUS_MESSAGE_RATE), --byte-rate (CHORUS_BYTE_RATE), " +
    "--publish-rate (CHORUS_PUBLISH_RATE), or --handshake-rate (CHORUS_HANDSHAKE_RATE)";
  for (
    const [flag, value, missing, others] of [
      [
        "--proxy-header",
        "forwarded",
        "--trust-proxy (CHORUS_TRUST_PROXY): it is not set",
        ["--trust-proxy=::1"],
      ],
      ["--durability", "power", data, ["--data=a"]],
      ["--drain-handover", "9s", data, ["--data=a"]],
      ["--rate-policy", "close", `${messageRates}: neither is set`, [
        "--message-rate=1/s",
        "--byte-rate=1KiB/s",
      ]],
      ["--rate-burst", "1m", `${rates}: none of them is set`, [
        ...["--message-rate=1/s", "--byte-rate=1KiB/s"],
        ...["--publish-rate=1/s", "--handshake-rate=1/s"],
      ]],
    ] as const
  ) {
    const given = `${flag} (${environmentName(flag)})`;
    assertEquals(faultsOf(flag, value), [`Cannot use ${given} without ${missing}`]);
    for (const other of others) assertEquals(faultsOf(flag, value, other), [], other);
  }
});

Deno.test("configFaults() accepts flags without an effect that have their defaults", () => {
  const args = ["--proxy-header=x-forwarded-for", "--durability=process", "--rate-policy=pace"];
  assertEquals(faultsOf(...args, "--rate-burst=5s", "--anonymous=none"), []);
});

Deno.test("configFaults() reports --pong-timeout without pings", () => {
  assertEquals(faultsOf("--ping-interval", "0", "--pong-timeout", "5s"), [
    "Cannot use --pong-timeout (CHORUS_PONG_TIMEOUT) with --ping-interval " +
    "(CHORUS_PING_INTERVAL) 0: the server then sends no pings",
  ]);
  assertEquals(faultsOf("--ping-interval", "0", "--pong-timeout", "0"), []);
  assertEquals(faultsOf("--ping-interval", "0"), []);
  assertEquals(faultsOf("--pong-timeout", "5s"), []);
});

Deno.test("configFaults() reports --log-messages with a --log-level that drops them", () => {
  assertEquals(faultsOf("--log-messages", "--log-level", "warning"), [
    "Cannot use --log-messages (CHORUS_LOG_MESSAGES) with --log-level (CHORUS_LOG_LEVEL) " +
    "warning: messages are logged at the level info",
  ]);
  for (const level of ["debug", "info"]) {
    assertEquals(faultsOf("--log-messages", "--log-level", level), []);
  }
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
