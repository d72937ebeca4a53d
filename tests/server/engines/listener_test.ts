import { assertEquals } from "@std/assert";
import { activate, isSystemdMissing } from "../../main/activated.ts";
import { RawPeer } from "../../socket/raw_peer.ts";

const SCRIPT = new URL("open_listener.ts", import.meta.url).pathname;

/** Runs commands, and then {@linkcode SCRIPT}, on a network that has only loopback. */
async function openListener(commands: string, ...args: string[]): Promise<string> {
  const deno = `"${Deno.execPath()}" run --quiet --no-check --allow-net --allow-read`;
  const script = `ip link set lo up && ${commands} && exec ${deno} ${SCRIPT} ${args.join(" ")}`;
  const { stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--user", "--map-root-user", "--net", "sh", "-c", script],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stderr) + decoder.decode(stdout);
}

/** False if this system cannot make networks. Containers may forbid it. */
const hasNetworks = await openListener("exit", "").catch(String) === "";
if (!hasNetworks) {
  console.warn(
    "*** NETWORK TESTS SKIPPED: they need Linux, iproute2, and the right to make a network ***",
  );
}

const HELLO = new TextEncoder().encode("hello");

const CASES: readonly [name: string, commands: string, hostname: string, prober: string][] = [
  ["on all addresses", "true", "::", "::1"],
  ["on all IPv4 addresses", "true", "0.0.0.0", "127.0.0.1"],
  ["on one address", "ip addr add 10.9.8.7/32 dev lo", "10.9.8.7", "10.9.8.7"],
  [
    "on all addresses of a host without ::1",
    "ip -6 addr del ::1/128 dev lo",
    "::",
    "::ffff:127.0.0.1",
  ],
];

for (const [name, commands, hostname, prober] of CASES) {
  Deno.test({
    name: `a Listener ${name} connects to itself, without a warning`,
    ignore: !hasNetworks,
    fn: async () => assertEquals(await openListener(commands, hostname, prober), `${prober}\n`),
  });
}

/** Runs shared_listener.ts with few file descriptors. */
async function runShared(...args: string[]): Promise<readonly string[]> {
  const script = new URL("shared_listener.ts", import.meta.url).pathname;
  const deno = `"${Deno.execPath()}" run --quiet --no-check --allow-net --allow-read`;
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `ulimit -n 100; exec ${deno} "${script}" ${args.join(" ")}`],
    env: { NO_COLOR: "1" },
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

const RESTARTED =
  "Could not accept connections for a while, probably because file descriptors ran out";

Deno.test({
  name: "a Listener on a shared port accepts again, and warns if it is alone there",
  ignore: Deno.build.os !== "linux",
  fn: async () => assertEquals(await runShared("0", "before"), [RESTARTED, "accepted"]),
});

Deno.test({
  name: "a Listener on a shared port accepts again although its probes are at others",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const printed = await runShared("30", "before");
    assertEquals(printed.at(-1), "accepted");
  },
});

Deno.test({
  name: "a Listener on a shared port resets the clients that wait for it if it has no files",
  ignore: Deno.build.os !== "linux",
  async fn() {
    assertEquals(await runShared("0", "after"), [RESTARTED, "ECONNRESET", "accepted"]);
  },
});

Deno.test({
  name: "a Listener on a shared port tries again if it cannot open the port again",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const printed = await runShared("0", "lost");
    assertEquals(printed.toSorted(), [
      "Cannot accept a connection: {error}",
      RESTARTED,
      "ECONNRESET",
      "accepted",
    ]);
    assertEquals(printed.at(-1), "accepted");
  },
});

Deno.test({
  name: "a Listener on a socket of systemd recovers when file descriptors have run out",
  ignore: isSystemdMissing,
  async fn() {
    const script = new URL("starved_listener.ts", import.meta.url).pathname;
    const deno = `"${Deno.execPath()}" run --quiet --no-check --allow-net`;
    // As systemd does, another process has the socket as long as the listener runs.
    const holder = "tail --pid=$$ -f /dev/null > /dev/null 2>&1 &";
    await using activated = await activate(`${holder} ulimit -n 60; exec ${deno} "${script}"`);
    const { program, port, first } = activated;
    assertEquals(await first.read(HELLO.length), HELLO);
    const idle = await Promise.all(Array.from({ length: 50 }, () => RawPeer.connect(port)));
    await program.stdoutLine(/Could not accept connections for a while/);
    for (const each of idle) each[Symbol.dispose]();
    using peer = await RawPeer.connect(port);
    assertEquals(await peer.read(HELLO.length), HELLO);
  },
});
