import { assertEquals } from "@std/assert";
import { configText } from "../../../lib/cli/flags/config_text.ts";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";
import { configFaults, SERVER_FLAGS } from "../../../lib/server/config.ts";

/** All faults of a command line, on Linux. */
function faultsOf(...args: string[]): readonly string[] {
  const { config, faults } = parseFlags(SERVER_FLAGS, { args });
  return [...faults, ...configFaults(config, "linux")];
}

const NATS = ["--nats", "nats://10.0.0.5:4222"];

Deno.test("CLUSTER_FLAGS accept several NATS servers, and what depends on them", () => {
  assertEquals(faultsOf(...NATS, "--nats", "tls://nats.example"), []);
  assertEquals(faultsOf("--nats", "nats://[::1]:4222/", "--nats", "nats://nats"), []);
  const flags = ["--nats-credentials=a.creds", "--nats-ca=ca.pem", "--nats-replicas=3"];
  assertEquals(
    faultsOf(...NATS, ...flags, "--max-held-bytes=1MiB", "--presence-ttl=3s", "--reuse-port"),
    [],
  );
});

Deno.test("CLUSTER_FLAGS refuse URLs that are not those of NATS servers", () => {
  const texts = [
    ...["10.0.0.5:4222", "http://10.0.0.5:4222", "nats:", "nats://", "nats://10.0.0.5:99999"],
    ...["nats://10.0.0.5/chat", "nats://10.0.0.5?tls", "nats://10.0.0.5#1"],
  ];
  for (const text of texts) {
    assertEquals(faultsOf("--nats", text), [
      "Cannot start because --nats must be a URL such as nats://10.0.0.5:4222 or tls://…: " +
      `--nats was "${text}"`,
    ]);
  }
});

Deno.test("CLUSTER_FLAGS show no password and no token, also if the URL is wrong", () => {
  const cases = [
    ["nats://ann:secret@10.0.0.5:4222", "nats://ann:…@10.0.0.5:4222"],
    ["tls://ann:sec:re@t@nats", "tls://ann:…@nats"],
    ["nats://secret@10.0.0.5", "nats://…@10.0.0.5"],
    ["nats://10.0.0.5", "nats://10.0.0.5"],
  ] as const;
  for (const [url, shown] of cases) {
    const parsed = parseFlags(SERVER_FLAGS, { args: ["--nats", url] });
    const line = configText(SERVER_FLAGS, parsed).split("\n").find((each) => /^--nats /.test(each));
    assertEquals(line?.split(/ +/)[1], JSON.stringify([shown]));
    assertEquals(parsed.config.nats, [url]);
  }
  const wrong = [
    ["nats://ann:secret@10.0.0.5/chat", "nats://ann:…@10.0.0.5/chat"],
    ["nats://ann:50%secret@10.0.0.5", "nats://ann:…@10.0.0.5"],
    ["ann:secret@10.0.0.5", "ann:…@10.0.0.5"],
    ["nats:/secret@10.0.0.5", "nats:/…@10.0.0.5"],
    // A comma ends the first element.
    ["nats://ann:secret,secret@10.0.0.5", "nats://ann:…@10.0.0.5"],
  ] as const;
  for (const [url, shown] of wrong) {
    const faults = faultsOf("--nats", url);
    assertEquals(faults.map((each) => each.split("--nats was ")[1]), [`"${shown}"`]);
  }
});

Deno.test("clusterFaults() refuses more than one NATS user", () => {
  const other = ["--nats=nats://ann:secret@n1", "--nats=nats://bob:secret@n2"];
  assertEquals(faultsOf(...other), [
    "Cannot use --nats (CHORUS_NATS) with several users: the servers of a cluster have the same " +
    "users",
  ]);
  assertEquals(faultsOf("--nats=nats://ann:secret@n1", "--nats=nats://n2"), []);
  assertEquals(faultsOf("--nats=nats://ann:secret@n1", "--nats-credentials=a.creds"), [
    "Cannot use --nats-credentials (CHORUS_NATS_CREDENTIALS) with a user in --nats " +
    "(CHORUS_NATS): leave one of them out",
  ]);
});

Deno.test("CLUSTER_FLAGS refuse values out of range", () => {
  for (const flag of ["--nats-replicas=0", "--nats-replicas=6", "--max-held-bytes=1KiB"]) {
    assertEquals(faultsOf(...NATS, flag).length, 1, flag);
  }
  assertEquals(faultsOf(...NATS, "--presence-ttl=999ms").length, 1);
});

const DEPENDENT = [
  ["--reuse-port", "--reuse-port (CHORUS_REUSE_PORT)"],
  ["--nats-credentials=a.creds", "--nats-credentials (CHORUS_NATS_CREDENTIALS)"],
  ["--nats-ca=ca.pem", "--nats-ca (CHORUS_NATS_CA)"],
  ["--nats-replicas=3", "--nats-replicas (CHORUS_NATS_REPLICAS)"],
  ["--max-held-bytes=1MiB", "--max-held-bytes (CHORUS_MAX_HELD_BYTES)"],
  ["--presence-ttl=3s", "--presence-ttl (CHORUS_PRESENCE_TTL)"],
] as const;

for (const [flag, name] of DEPENDENT) {
  Deno.test(`configFaults() refuses ${flag} without --nats`, () => {
    assertEquals(faultsOf(flag), [
      `Cannot use ${name} without --nats (CHORUS_NATS): it is not set`,
    ]);
  });
}

Deno.test("clusterFaults() refuses --data with --nats", () => {
  assertEquals(faultsOf(...NATS, "--data", "chat.db"), [
    "Cannot use --data (CHORUS_DATA) with --nats (CHORUS_NATS): NATS stores the messages",
  ]);
});

Deno.test("clusterFaults() refuses --durability power with --nats, with one reason", () => {
  assertEquals(faultsOf(...NATS, "--durability", "power"), [
    "Cannot use --durability (CHORUS_DURABILITY) power with --nats (CHORUS_NATS): " +
    "nats-server decides when to write to the disk; since nats-server 2.10, it has " +
    "sync_interval: always for this",
  ]);
});

Deno.test("clusterFaults() reports everything that cannot be used with --nats", () => {
  const faults = faultsOf(...NATS, "--data=chat.db", "--durability=power");
  assertEquals(faults.map((fault) => fault.split(" ")[2]), ["--data", "--durability"]);
});
