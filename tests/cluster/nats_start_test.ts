import { assertEquals, assertRejects } from "@std/assert";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { ClusterError } from "../../lib/cluster/cluster_error.ts";
import type { NatsBackplaneOptions } from "../../lib/cluster/nats_backplane.ts";
import { freePort } from "../free_port.ts";
import { isNatsMissing, NatsServer } from "./nats_server.ts";
import { TestBackplane } from "./test_room.ts";

/** Defines a test of what is wrong with a server: `open` must fail with a text. */
function failureTest(
  name: string,
  { conf, options = {}, address, texts }: {
    readonly conf?: string;
    readonly options?: Partial<NatsBackplaneOptions>;
    readonly address?: (server: NatsServer) => string;
    readonly texts: readonly string[];
  },
): void {
  Deno.test({
    name,
    ignore: isNatsMissing,
    fn: async () => {
      await using server = await NatsServer.start(conf === undefined ? {} : { conf });
      const url = address?.(server) ?? server.url;
      const open = () => TestBackplane.open(url, { startTimeoutMs: 1000, ...options });
      const { message } = await assertRejects(open, ClusterError);
      for (const text of texts) assertEquals([message.includes(text), message], [true, message]);
      assertEquals(message.includes("secret"), false);
    },
  });
}

const nobody = `nats://user:secret@127.0.0.1:${freePort()}`;

failureTest("NatsBackplane names the server that cannot be reached", {
  address: () => nobody,
  texts: [`Cannot connect to NATS at ${new URL(nobody).host}`, "connection refused"],
});

failureTest("NatsBackplane says that JetStream is not enabled", {
  conf: "jetstream: false",
  texts: ["NATS runs without JetStream"],
});

const USERS = "authorization: { users: [{ user: ann, password: secret }] }";

failureTest("NatsBackplane says that the user is not admitted", {
  conf: USERS,
  address: ({ port }) => `nats://ann:secret2@127.0.0.1:${port}`,
  texts: ["does not admit this user"],
});

failureTest("NatsBackplane says that there are too few servers for the replicas", {
  options: { replicas: 3 },
  texts: ["too few servers with JetStream for 3 replicas"],
});

failureTest("NatsBackplane names a file that cannot be read", {
  options: { credentialsFile: "/nowhere/user.creds" },
  texts: ["Cannot read the file /nowhere/user.creds"],
});

Deno.test({
  name: "NatsBackplane connects with a user and a password",
  ignore: isNatsMissing,
  fn: async () => {
    await using server = await NatsServer.start({ conf: USERS });
    await using one = await TestBackplane.open(`nats://ann:secret@127.0.0.1:${server.port}`);
    assertEquals(one.backplane.outage, undefined);
  },
});

Deno.test({
  name: "NatsBackplane connects while one of its servers does not run, and to that one later",
  ignore: isNatsMissing,
  fn: async () => {
    await using server = await NatsServer.start();
    const port = freePort();
    const urls = [`nats://127.0.0.1:${port}`, server.url];
    await using one = await TestBackplane.open(urls);
    await using _late = await NatsServer.start({ port });
    await server.kill();
    await one.changed.until(() => one.newEpochs === 1);
  },
});

Deno.test({
  name: "NatsBackplane names each setting of the stream that differs",
  ignore: isNatsMissing,
  fn: async () => {
    await using server = await NatsServer.start();
    await using _one = await TestBackplane.open(server.url, { historyMessages: 1000 });
    const options = { historyMessages: 2000, historyAgeMs: 3_600_000 };
    const { message } = await assertRejects(
      () => TestBackplane.open(server.url, options),
      ClusterError,
    );
    const texts = [
      "max_msgs_per_subject is 1000, not 2000",
      "max_age is 0, not 3600000000000",
    ];
    for (const text of texts) assertEquals([message.includes(text), message], [true, message]);
    assertEquals(message.includes("replicas"), false);
  },
});

Deno.test({
  name: "NatsBackplane is opened by several processes at once",
  ignore: isNatsMissing,
  fn: async () => {
    await using server = await NatsServer.start();
    const options = { historyMessages: 5, historyAgeMs: 60_000 };
    const all = await Promise.all(
      Array.from({ length: 5 }, () => TestBackplane.open(server.url, options)),
    );
    try {
      assertEquals(new Set(all.map(({ backplane }) => backplane.epoch)).size, 1);
      const connection = await connect({ servers: server.url });
      const { config } = await (await jetstreamManager(connection)).streams.info("chorus");
      await connection.close();
      assertEquals([config.max_msgs_per_subject, config.duplicate_window], [128, 60e9]);
    } finally {
      for (const each of all) await each[Symbol.asyncDispose]();
    }
  },
});
