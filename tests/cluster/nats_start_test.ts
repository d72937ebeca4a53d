import { assertEquals, assertRejects } from "@std/assert";
import { jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { ClusterError } from "../../lib/cluster/connection/cluster_error.ts";
import type { NatsBackplaneOptions } from "../../lib/cluster/nats_backplane.ts";
import { freePort } from "../free_port.ts";
import { NatsAccounts } from "./nats_accounts.ts";
import { isNatsMissing, NatsCluster, NatsServer, type NatsServerOptions } from "./nats_server.ts";
import { ANN, TestBackplane, textOf } from "./test_room.ts";

const TLS_FILES = new URL("../socket/", import.meta.url).pathname;
const CERT = `${TLS_FILES}tls_cert.pem`;
const TLS = `tls: { cert_file: "${CERT}", key_file: "${TLS_FILES}tls_key.pem" }`;

/** Defines a test that needs nats-server. */
function natsTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: isNatsMissing, fn });
}

/** Opens a backplane, which must fail. Returns why, which must not have a secret. */
async function failure(
  urls: string | readonly string[],
  options: Partial<NatsBackplaneOptions> = {},
): Promise<string> {
  const open = () => TestBackplane.open(urls, { startTimeoutMs: 1000, ...options });
  const { message } = await assertRejects(open, ClusterError);
  assertEquals(message.includes("secret"), false);
  return message;
}

/** Defines a test of what is wrong with a server: `open` must fail with a message. */
function failureTest(
  name: string,
  { conf, options, address = ({ url }) => url, message }: {
    readonly conf?: string;
    readonly options?: Partial<NatsBackplaneOptions>;
    readonly address?: (server: NatsServer) => string;
    /** HOST stands for the host and the port of the server. */
    readonly message: string;
  },
): void {
  natsTest(name, async () => {
    await using server = await NatsServer.start(conf === undefined ? {} : { conf });
    const url = address(server);
    const { host } = new URL(url);
    assertEquals(await failure(url, options), message.replace("HOST", host));
  });
}

const CANNOT = "Cannot connect to NATS at HOST:";

failureTest("NatsBackplane names the server that cannot be reached", {
  address: () => `nats://user:secret@127.0.0.1:${freePort()}`,
  message: `${CANNOT} nothing listens there; check the address, and that nats-server runs`,
});

failureTest("NatsBackplane says that a host name cannot be resolved", {
  address: () => "nats://nats.invalid:4222",
  message: `${CANNOT} the host name cannot be resolved (getaddrinfo ENOTFOUND nats.invalid)`,
});

/** Other programs than NATS, by what they do with a connection. */
const OTHERS = {
  "says nothing": [
    () => {},
    "it does not answer in time; check the address, and that it is NATS",
  ],
  "closes the connection": [
    (connection: Deno.Conn) => connection.close(),
    "it closes the connection at once; check the port, and the log of nats-server",
  ],
  "speaks another protocol": [
    (connection: Deno.Conn) => connection.write(new TextEncoder().encode("220 smtp\r\n")),
    "another program than NATS answers there; check the port",
  ],
} as const;

for (const [what, [act, reason]] of Object.entries(OTHERS)) {
  Deno.test(`NatsBackplane says why it cannot use a server that ${what}`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const connections: Deno.Conn[] = [];
    const accepting = (async () => {
      for await (const connection of listener) {
        connections.push(connection);
        await act(connection);
      }
    })();
    const host = `127.0.0.1:${listener.addr.port}`;
    assertEquals(await failure(`nats://${host}`), `Cannot connect to NATS at ${host}: ${reason}`);
    listener.close();
    await accepting;
    for (const connection of connections) if (what !== "closes the connection") connection.close();
  });
}

Deno.test("NatsBackplane says that a web server does not answer like NATS", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(),
  );
  const host = `127.0.0.1:${server.addr.port}`;
  assertEquals(
    await failure(`nats://${host}`),
    `Cannot connect to NATS at ${host}: ${OTHERS["says nothing"][1]}`,
  );
  await server.shutdown();
});

natsTest("NatsBackplane names each server with its reason", async () => {
  await using server = await NatsServer.start({ conf: "authorization: { token: secret }" });
  const down = `127.0.0.1:${freePort()}`;
  const [first, second] = [
    `127.0.0.1:${server.port}: it does not admit this user; check the user and the password, or ` +
    "the token, in --nats, or --nats-credentials (Authorization Violation)",
    `${down}: nothing listens there; check the address, and that nats-server runs`,
  ].sort();
  const urls = [`nats://secret2@127.0.0.1:${server.port}`, `nats://${down}`];
  assertEquals(await failure(urls), `Cannot connect to NATS at ${first}; at ${second}`);
});

natsTest("NatsBackplane waits for a server that starts later", async () => {
  const port = freePort();
  const opening = TestBackplane.open(`nats://127.0.0.1:${port}`);
  await using _server = await NatsServer.start({ port });
  await using one = await opening;
  assertEquals(one.backplane.outage, undefined);
});

natsTest("NatsBackplane waits for the leader of a cluster that starts", async () => {
  const [one, two] = [freePort(), freePort()];
  const member = (name: string, port: number, other: number): NatsServerOptions => ({
    conf: `
      server_name: ${name}
      cluster: { name: test, listen: "127.0.0.1:${port}", routes: ["nats://127.0.0.1:${other}"] }
    `,
  });
  await using first = await NatsServer.start(member("one", one, two));
  const opening = TestBackplane.open(first.url, { startTimeoutMs: 60_000 });
  await using _second = await NatsServer.start(member("two", two, one));
  await using backplane = await opening;
  assertEquals(backplane.backplane.outage, undefined);
});

const NO_JETSTREAM = "NATS has no JetStream for this user; enable it with `jetstream: {}` in the " +
  "configuration of nats-server, and with `jetstream: enabled` in the user's account, if any";

failureTest("NatsBackplane says that JetStream is not enabled", {
  conf: "jetstream: false",
  message: NO_JETSTREAM,
});

failureTest("NatsBackplane says that the account may not use JetStream", {
  conf: `accounts: {
    A: { users: [{ user: ann, password: secret }] }
    B: { jetstream: enabled, users: [{ user: bob, password: secret }] }
  }`,
  address: ({ port }) => `nats://ann:secret@127.0.0.1:${port}`,
  message: NO_JETSTREAM,
});

failureTest("NatsBackplane says that the account has no space", {
  conf: `accounts: {
    A: { jetstream: { max_file: 0 }, users: [{ user: ann, password: secret }] }
  }`,
  address: ({ port }) => `nats://ann:secret@127.0.0.1:${port}`,
  message: "NATS JetStream has no space for the messages; raise the limits of the server or the " +
    "account, or delete other streams (insufficient storage resources available)",
});

natsTest("NatsBackplane says that the store of the server is full", async () => {
  const folder = await Deno.makeTempDir();
  {
    const conf = `jetstream: { store_dir: "${folder}", max_file_store: 1MB }`;
    await using server = await NatsServer.start({ conf });
    await using streams = await Streams.open(server);
    await streams.manager.streams.add({ name: "other", subjects: ["other"] });
    const client = streams.manager.jetstream();
    const fill = async () => {
      for (;;) await client.publish("other", new Uint8Array(100_000));
    };
    await assertRejects(fill, Error, "insufficient resources");
    assertEquals(
      await failure(server.url),
      "NATS JetStream has no space for the messages; raise the limits of the server or the " +
        "account, or delete other streams (insufficient resources)",
    );
  }
  await Deno.remove(folder, { recursive: true });
});

const NOT_ADMITTED = `${CANNOT} it does not admit this user; check the user and the password, ` +
  "or the token, in --nats, or --nats-credentials (Authorization Violation)";

const USERS = 'authorization: { users: [{ user: ann, password: "secret/@:%" }] }';
const TOKEN = "authorization: { token: secret }";

failureTest("NatsBackplane says that the user is not admitted", {
  conf: USERS,
  address: ({ port }) => `nats://ann:secret2@127.0.0.1:${port}`,
  message: NOT_ADMITTED,
});

failureTest("NatsBackplane says that a user is needed", { conf: USERS, message: NOT_ADMITTED });

failureTest("NatsBackplane says that the token is wrong", {
  conf: TOKEN,
  address: ({ port }) => `nats://secret2@127.0.0.1:${port}`,
  message: NOT_ADMITTED,
});

/** What is admitted, with the part of the URL before the host. */
const ADMITTED = {
  "a user and a password": [USERS, "ann:secret%2F%40%3A%25@"],
  "a token": [TOKEN, "secret@"],
} as const;

for (const [what, [conf, user]] of Object.entries(ADMITTED)) {
  natsTest(`NatsBackplane connects with ${what}`, async () => {
    await using server = await NatsServer.start({ conf });
    await using one = await TestBackplane.open(`nats://${user}127.0.0.1:${server.port}`);
    assertEquals(one.backplane.outage, undefined);
  });
}

// nats.js leaves sockets without a listener for errors; one attempt in 50 ended the process.
natsTest("NatsBackplane survives servers that reset connections", async () => {
  await using server = await NatsServer.start({ conf: TOKEN });
  for (let count = 0; count < 200; count++) await failure(server.url, { startTimeoutMs: 0 });
});

natsTest("NatsBackplane connects with a credentials file, and says if it is wrong", async () => {
  const accounts = await NatsAccounts.create();
  await using server = await NatsServer.start({ conf: accounts.conf });
  const credentialsFile = await Deno.makeTempFile();
  try {
    const user = await accounts.user();
    for (const text of [user, user.replaceAll("\n", "\r\n")]) {
      await Deno.writeTextFile(credentialsFile, text);
      await using one = await TestBackplane.open(server.url, { credentialsFile });
      assertEquals(one.backplane.outage, undefined);
    }
    const host = `127.0.0.1:${server.port}`;
    await Deno.writeTextFile(credentialsFile, await accounts.stranger());
    assertEquals(
      await failure(server.url, { credentialsFile }),
      NOT_ADMITTED.replace("HOST", host),
    );
    assertEquals(await failure(server.url), NOT_ADMITTED.replace("HOST", host));
    const [jwt] = user.match(/^ey.*$/m)!;
    for (const text of ["", "secret\n", jwt, user.slice(0, user.indexOf(jwt) + jwt.length)]) {
      await Deno.writeTextFile(credentialsFile, text);
      assertEquals(
        await failure(server.url, { credentialsFile }),
        `Cannot use --nats-credentials ${credentialsFile}: it does not have the JWT and the seed ` +
          "of a NATS user",
      );
    }
  } finally {
    await Deno.remove(credentialsFile);
  }
});

failureTest("NatsBackplane names a credentials file that cannot be read", {
  options: { credentialsFile: "/nowhere/user.creds" },
  message: "Cannot read --nats-credentials /nowhere/user.creds: it does not exist",
});

natsTest("NatsBackplane connects with TLS, to names and addresses of the certificate", async () => {
  await using server = await NatsServer.start({ conf: TLS });
  const options = { caFile: CERT };
  for (const host of ["tls://127.0.0.1", "tls://localhost", "nats://localhost"]) {
    await using one = await TestBackplane.open(`${host}:${server.port}`, options);
    assertEquals(one.backplane.outage, undefined);
  }
});

natsTest("NatsBackplane refuses a certificate for another host", async () => {
  const port = freePort();
  await using _server = await NatsServer.start({ port, conf: `listen: "0.0.0.0:${port}"\n${TLS}` });
  // The certificate is for localhost, too, which nats.js accepts for every IP address.
  const url = `tls://127.0.0.2:${port}`;
  assertEquals(
    await failure(url, { caFile: CERT }),
    `Cannot connect to NATS at 127.0.0.2:${port}: its certificate is for another host; use a ` +
      "name of the certificate in --nats",
  );
});

const NOT_TRUSTED = `${CANNOT} its certificate is not trusted, or has expired; set --nats-ca to ` +
  "the file with its authority";

for (const scheme of ["tls", "nats"]) {
  failureTest(`NatsBackplane says that --nats-ca is needed for the server of a ${scheme} URL`, {
    conf: TLS,
    address: ({ port }) => `${scheme}://localhost:${port}`,
    message: `${NOT_TRUSTED} (self-signed certificate)`,
  });
}

failureTest("NatsBackplane says that --nats-ca has not signed the certificate", {
  conf: TLS,
  options: { caFile: `${TLS_FILES}tls_other_cert.pem` },
  address: ({ port }) => `tls://localhost:${port}`,
  message: `${NOT_TRUSTED} (unable to verify the first certificate)`,
});

failureTest("NatsBackplane says that the server demands a certificate of the client", {
  conf: TLS.replace("}", `, ca_file: "${CERT}", verify: true }`),
  options: { caFile: CERT },
  address: ({ port }) => `tls://localhost:${port}`,
  message: `${CANNOT} it demands a certificate of this client, which has none; remove ` +
    "`verify: true` there",
});

failureTest("NatsBackplane says that the server does not use TLS", {
  address: ({ port }) => `tls://localhost:${port}`,
  message: `${CANNOT} it does not use TLS; use nats:// without --nats-ca, or turn TLS on in ` +
    "nats-server",
});

failureTest("NatsBackplane names a file of authorities that cannot be used", {
  options: { caFile: `${TLS_FILES}tls_key.pem` },
  message: `Cannot use --nats-ca ${TLS_FILES}tls_key.pem: it has no certificates in PEM`,
});

failureTest("NatsBackplane names a file of authorities that cannot be read", {
  options: { caFile: "/nowhere/ca.pem" },
  message: "Cannot read --nats-ca /nowhere/ca.pem: it does not exist",
});

failureTest("NatsBackplane says that there are too few servers for the replicas", {
  options: { replicas: 3 },
  message: "NATS has too few servers with JetStream for --nats-replicas 3",
});

natsTest(
  "NatsBackplane connects while one of its servers does not run, and to that one later",
  async () => {
    await using server = await NatsServer.start();
    const port = freePort();
    const urls = [`nats://127.0.0.1:${port}`, server.url];
    await using one = await TestBackplane.open(urls);
    await using _late = await NatsServer.start({ port });
    await server.kill();
    await one.changed.until(() => one.newEpochs === 1);
  },
);

/** Manages streams beside a backplane. */
class Streams implements AsyncDisposable {
  private constructor(
    readonly manager: Awaited<ReturnType<typeof jetstreamManager>>,
    readonly close: () => Promise<void>,
  ) {}

  static async open({ url }: NatsServer): Promise<Streams> {
    const connection = await connect({ servers: url });
    return new Streams(await jetstreamManager(connection), () => connection.close());
  }

  async config(): Promise<StreamConfig> {
    return (await this.manager.streams.info("chorus")).config;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Settings of a stream that a process does not accept, with what it says about them. */
const OTHER_SETTINGS: readonly [Partial<StreamConfig>, string][] = [
  [{ max_age: 86_400e9 }, "max_age is 24h, but --history-age means 1h"],
  [{ max_age: 0 }, "max_age is unlimited, but --history-age means 1h"],
  [
    { max_msgs_per_subject: 1000 },
    "max_msgs_per_subject is 1000, but --history-messages means 2000",
  ],
  [{ subjects: ["chorus.>"] }, "subjects is chorus.>, not chorus.room.*"],
  [{ discard: "new" }, "discard is new, not old"],
  [{ retention: "interest" }, "retention is interest, not limits"],
  [{ storage: "memory" }, "storage is memory, not file"],
  [{ duplicate_window: 60e9 }, "duplicate_window is 1m, not 2m"],
  [{ max_msg_size: 100 }, "max_msg_size is 100, not unlimited"],
  [{ max_consumers: 2 }, "max_consumers is 2, not unlimited"],
  [{ no_ack: true }, "no_ack is true, not false"],
  [{ deny_delete: true }, "deny_delete is true, not false"],
  [{ deny_purge: true }, "deny_purge is true, not false"],
  [
    { max_age: 7200e9, discard: "new" },
    "discard is new, not old; max_age is 2h, but --history-age means 1h",
  ],
] as unknown as [Partial<StreamConfig>, string][];

natsTest(
  "NatsBackplane names each setting of the stream that differs, and changes none",
  async () => {
    await using server = await NatsServer.start();
    await using streams = await Streams.open(server);
    const options = { historyMessages: 2000, historyAgeMs: 3_600_000 };
    await (await TestBackplane.open(server.url, options))[Symbol.asyncDispose]();
    const right = await streams.config();
    for (const [settings, text] of OTHER_SETTINGS) {
      await streams.manager.streams.delete("chorus");
      await streams.manager.streams.add({ ...right, ...settings });
      const before = await streams.config();
      assertEquals(
        await failure(server.url, options),
        `The stream chorus in NATS has other settings: ${text}. Change the flags of this server, ` +
          "or the stream with `nats stream edit chorus`",
      );
      assertEquals(await streams.config(), before);
    }
  },
);

natsTest("NatsBackplane says that only the stream has more replicas, not the bucket", async () => {
  await using cluster = await NatsCluster.start({ size: 3 });
  await (await TestBackplane.open(cluster.urls))[Symbol.asyncDispose]();
  await using streams = await Streams.open(cluster.servers[0]!);
  await streams.manager.streams.update("chorus", { num_replicas: 3 });
  assertEquals(
    await failure(cluster.urls, { replicas: 3 }),
    "The bucket chorus in NATS has 1 replicas, but --nats-replicas is 3. Change the flag, or the " +
      "bucket with `nats stream edit KV_chorus`",
  );
  assertEquals(
    await failure(cluster.urls),
    "The stream chorus in NATS has other settings: num_replicas is 3, but --nats-replicas means " +
      "1. Change the flags of this server, or the stream with `nats stream edit chorus`",
  );
  await streams.manager.streams.update("KV_chorus", { num_replicas: 3 });
  await using one = await TestBackplane.open(cluster.urls, { replicas: 3 });
  assertEquals(one.backplane.outage, undefined);
});

natsTest("NatsBackplane accepts a stream whose size is limited", async () => {
  await using server = await NatsServer.start();
  await using streams = await Streams.open(server);
  await (await TestBackplane.open(server.url))[Symbol.asyncDispose]();
  await streams.manager.streams.update("chorus", { max_bytes: 10_000_000 });
  await using one = await TestBackplane.open(server.url);
  assertEquals(one.backplane.outage, undefined);
});

natsTest("NatsBackplane says that another stream has its subjects", async () => {
  await using server = await NatsServer.start();
  await using streams = await Streams.open(server);
  await streams.manager.streams.add({ name: "foreign", subjects: ["chorus.>"] });
  assertEquals(
    await failure(server.url),
    "Another stream in NATS has the subjects chorus.room.*; delete it, or use another account",
  );
});

natsTest("NatsBackplane is opened by several processes at once", async () => {
  // Each account is a NATS of its own.
  const accounts = Array.from({ length: 20 }, (_, index) => `u${index}`);
  const conf = accounts.map((name) =>
    `${name}: { jetstream: enabled, users: [{ user: ${name}, password: secret }] }`
  );
  await using server = await NatsServer.start({ conf: `accounts: { ${conf.join("\n")} }` });
  const options = { historyMessages: 5, historyAgeMs: 60_000 };
  for (const name of accounts) {
    const url = `nats://${name}:secret@127.0.0.1:${server.port}`;
    const opening = Array.from({ length: 5 }, () => TestBackplane.open(url, options));
    const all = await Promise.all(opening);
    try {
      assertEquals(new Set(all.map(({ backplane }) => backplane.epoch)).size, 1);
      assertEquals(new Set(all.map(({ backplane }) => backplane.sessionKey.toHex())).size, 1);
    } finally {
      for (const each of all) await each[Symbol.asyncDispose]();
    }
  }
});

natsTest("NatsBackplane creates a stream with the settings of the flags", async () => {
  await using server = await NatsServer.start();
  await using _one = await TestBackplane.open(server.url, {
    historyMessages: 5,
    historyAgeMs: 60_000,
  });
  await using streams = await Streams.open(server);
  const { max_msgs_per_subject, max_age, duplicate_window } = await streams.config();
  assertEquals([max_msgs_per_subject, max_age, duplicate_window], [128, 60e9, 60e9]);
});

/** The permissions that lib/cluster/README.md lists. */
const PERMISSIONS = {
  publish: ["chorus.>", "$JS.API.>", "$KV.chorus.>"],
  subscribe: ["chorus.>", "_INBOX.>"],
} as const;

/** Starts a server whose user has all permissions but one. */
async function startLimited(without = ""): Promise<{ server: NatsServer; url: string }> {
  const [publish, subscribe] = Object.entries(PERMISSIONS).map(([action, subjects]) =>
    JSON.stringify(subjects.filter((subject) => `${action} ${subject}` !== without))
  );
  const permissions = `{ publish: ${publish}, subscribe: ${subscribe} }`;
  const server = await NatsServer.start({
    conf: `authorization: {
      users: [{ user: ann, password: secret, permissions: ${permissions} }]
    }`,
  });
  return { server, url: `nats://ann:secret@127.0.0.1:${server.port}` };
}

natsTest("NatsBackplane does everything with the permissions of the manual", async () => {
  const started = await startLimited();
  await using server = started.server;
  {
    await using one = await TestBackplane.open(started.url);
    await using other = await TestBackplane.open(started.url);
    const [here, there] = [await one.room("tea"), await other.room("tea")];
    here.stream.tellPresence([{ id: ANN.id!, name: "Ann" }], []);
    await there.changed.until(() => there.remoteMembers.size === 1);
    here.publish("a");
    there.publish("b");
    await here.received(2);
    await there.received(2);
    assertEquals(here.texts, there.texts);
    const [first] = here.messages;
    const history = await there.stream.readBefore(first!.seq, 10);
    assertEquals(history.map(textOf), [here.texts[0]]);
    assertEquals((await one.backplane.rooms("", 10)).map(({ room }) => room), ["tea"]);
    await here.stream.delete();
    await there.changed.until(() => there.deletions === 1);
  }
  assertEquals(server.log.filter((line) => /violation/i.test(line)), []);
});

natsTest("NatsBackplane starts although somebody watches its subjects", async () => {
  await using server = await NatsServer.start();
  const watcher = await connect({ servers: server.url });
  watcher.subscribe("chorus.>", { callback: () => {} });
  await watcher.flush();
  {
    await using one = await TestBackplane.open(server.url);
    assertEquals(one.backplane.outage, undefined);
  }
  await watcher.close();
});

for (const [action, subjects] of Object.entries(PERMISSIONS)) {
  for (const subject of subjects) {
    natsTest(`NatsBackplane says that the user may not ${action} ${subject}`, async () => {
      const { server, url } = await startLimited(`${action} ${subject}`);
      await using _server = server;
      const [, denied] = (await failure(url)).match(
        /^The NATS user may not (?:publish|subscribe) to (\S+); give it the permissions that/,
      )!;
      assertEquals(denied!.startsWith(subject.replace(">", "")), true, denied);
    });
  }
}
