import { assertEquals } from "@std/assert";
import { parseConfiguration } from "../../lib/cli/flags/configuration.ts";
import { configFaults, SERVER_FLAGS } from "../../lib/server/config.ts";
import { isMissing } from "../missing_program.ts";
import { adapt, snippets } from "../proxy/snippets.ts";

const ANALYZE_PATH = "/usr/bin/systemd-analyze";

const isAnalyzeMissing = await isMissing({ path: ANALYZE_PATH, debianPackage: "systemd" });

const [SERVICE, SOCKET, SOCKET_DROP_IN, TEMPLATE_DROP_IN] = snippets("ini") as [
  service: string,
  socket: string,
  socketDropIn: string,
  templateDropIn: string,
];

/** Returns what `systemd-analyze verify` finds wrong in the last of these files. */
async function verify(files: Readonly<Record<string, string>>, unit: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${folder}/${path}`, text);
    }
    const { code, stderr } = await new Deno.Command(ANALYZE_PATH, {
      args: ["verify", "--man=no", `${folder}/${unit}`],
    }).output();
    return `${code} ${new TextDecoder().decode(stderr)}`;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The service, with programs of this machine. */
const service = () =>
  adapt(SERVICE, { "/usr/local/bin/deno": Deno.execPath(), "/opt/chorus\n": "/\n" });

Deno.test({
  name: "systemd accepts the units of the manual",
  ignore: isAnalyzeMissing,
  async fn() {
    assertEquals(await verify({ "chorus.service": service() }, "chorus.service"), "0 ");
    const activated = {
      "chorus.service": service(),
      "chorus.service.d/socket.conf": SOCKET_DROP_IN,
      "chorus.socket": SOCKET,
    };
    assertEquals(await verify(activated, "chorus.socket"), "0 ");
    const template = {
      "chorus@.service": service(),
      "chorus@.service.d/shared-port.conf": TEMPLATE_DROP_IN,
    };
    assertEquals(await verify(template, "chorus@1.service"), "0 ");
    const wrong = { "chorus.service": service().replace("UMask=", "Mask=") };
    assertEquals((await verify(wrong, "chorus.service")).includes("Unknown key 'Mask'"), true);
  },
});

Deno.test("the server accepts the environment of the template in the manual", () => {
  const lines = [SERVICE, TEMPLATE_DROP_IN].join("").matchAll(/^Environment=(.*)$/gm);
  const variables = new Map(
    Array.from(lines, ([, line]) => line!.split(" ")).flat()
      .map((each) => each.replace("%i", "1").split("=") as [string, string]),
  );
  const [, unset] = TEMPLATE_DROP_IN.match(/^UnsetEnvironment=(.*)$/m)!;
  assertEquals(variables.delete(unset!), true);
  const { config, faults } = parseConfiguration(SERVER_FLAGS, {
    args: [],
    env: (name) => variables.get(name),
    readTextFile: () => "",
    findFaults: (config) => configFaults(config, "linux"),
  });
  assertEquals(faults, []);
  const { data, reusePort, metricsListen } = config;
  assertEquals({ data, reusePort, metricsListen }, {
    data: "",
    reusePort: true,
    metricsListen: "127.0.0.1:9461",
  });
});
