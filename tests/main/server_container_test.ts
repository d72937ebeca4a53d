import { assertEquals } from "@std/assert";
import { ChorusPeer, textOf } from "../socket/chorus_peer.ts";
import { adapt, snippets } from "../proxy/snippets.ts";
import { portOf, Program } from "./program.ts";

/** Runs a command as process 1 of its own PID namespace, as a container does. */
const CONTAINER = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"];

/** Whether to skip, because this system allows no namespaces. Prints a warning if so. */
const ignore = await (async () => {
  const { success } = await new Deno.Command("unshare", { args: [...CONTAINER, "true"] }).output()
    .catch(() => ({ success: false }));
  if (!success) console.error("\n*** CONTAINER TEST SKIPPED: unshare cannot make namespaces ***\n");
  return !success;
})();

Deno.test({
  name: "the server drains as process 1, with the permissions in the Dockerfile",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const [dockerfile] = snippets("dockerfile");
    const entrypoint = adapt(dockerfile!.match(/(?<=^ENTRYPOINT )\[[^\]]*\]/m)![0], {
      "\\\n": "",
      "/app,/data": `${new URL("../../", import.meta.url).pathname},${folder}`,
      "/data": folder,
      "0.0.0.0": "127.0.0.1",
    });
    const [, ...args] = JSON.parse(entrypoint) as string[];
    const flags = ["--port", "0", "--data", `${folder}/chat.db`];
    {
      const command = [...CONTAINER, Deno.execPath(), ...args, ...flags];
      await using server = Program.startWith("unshare", command);
      const url = `ws://127.0.0.1:${await portOf(server)}/ws`;
      await using one = await ChorusPeer.open(url);
      await using other = await ChorusPeer.open(url);
      one.say("before the end");
      assertEquals(textOf(await other.next("said")), "before the end");
      const docs = await fetch(new URL("/docs", url.replace("ws:", "http:")));
      await docs.body?.cancel();
      assertEquals(docs.status, 200);
      Deno.kill(await childOf(server.pid), "SIGTERM");
      assertEquals((await one.closed).code, 1001);
      const { code, stderr } = await server.ended();
      assertEquals([code, stderr], [0, []]);
    }
    await Deno.remove(folder, { recursive: true });
  },
});

/** Finds the only child of a process. */
async function childOf(pid: number): Promise<number> {
  // Deno reads /proc only with all permissions.
  const args = [`/proc/${pid}/task/${pid}/children`];
  const { stdout } = await new Deno.Command("cat", { args }).output();
  return Number(new TextDecoder().decode(stdout));
}
