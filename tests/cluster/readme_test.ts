import { assertEquals } from "@std/assert";
import { isNatsMissing, NATS_SERVER_PATH } from "./nats_server.ts";

const MANUAL = await Deno.readTextFile(new URL("../../lib/cluster/README.md", import.meta.url));

/** The blocks of text in the manual that begin with a word. */
function blocksWith(start: string): string[] {
  return Array.from(MANUAL.matchAll(/^ *```text\n([^]*?)```/gm), ([, block]) => block!.trim())
    .filter((block) => block.startsWith(start));
}

/** Lets nats-server check a configuration. Returns what it finds wrong. */
async function checkConfiguration(conf: string): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".conf" });
  try {
    await Deno.writeTextFile(path, conf);
    const command = new Deno.Command(NATS_SERVER_PATH, {
      args: ["-t", "-c", path],
      env: { CHORUS_PASSWORD: "secret" },
      stdin: "null",
    });
    const { success, stderr } = await command.output();
    return success ? "" : new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test({
  name: "nats-server accepts the configuration in the manual of lib/cluster",
  ignore: isNatsMissing,
  async fn() {
    const [conf, ...others] = blocksWith("server_name:");
    assertEquals([await checkConfiguration(conf!), others.length], ["", 0]);
  },
});

Deno.test({
  name: "nats-server accepts the permissions in the manual of lib/cluster",
  ignore: isNatsMissing,
  async fn() {
    const [permissions, ...others] = blocksWith("permissions:");
    const user = `{ user: chorus, password: $CHORUS_PASSWORD, ${permissions} }`;
    const faults = await checkConfiguration(`authorization: { users: [${user}] }`);
    assertEquals([faults, others.length], ["", 0]);
  },
});
