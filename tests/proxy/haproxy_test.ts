import { ENGINES } from "../socket/test_app.ts";
import { testProxy } from "./contract.ts";
import { CERT_PATH, KEY_PATH } from "./proxy.ts";
import { adapt, snippets } from "./snippets.ts";

const VARIANTS = [
  { name: "HAProxy in mode http", isTcp: false },
  { name: "HAProxy with send-proxy-v2", isTcp: true },
] as const;

for (const { name, isTcp } of VARIANTS) {
  const example = snippets("haproxy").find((each) => each.includes("mode tcp") === isTcp);
  await testProxy({
    name,
    path: "/usr/sbin/haproxy",
    debianPackage: "haproxy",
    configOf: async ({ ports, serverPort, folder }) => {
      // HAProxy reads the certificate and the key from one file.
      const parts = [CERT_PATH, KEY_PATH].map((path) => Deno.readTextFile(path));
      await Deno.writeTextFile(`${folder}/both.pem`, (await Promise.all(parts)).join(""));
      return adapt(example!, {
        "bind :443": `bind ${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
        "127.0.0.1:8000": `127.0.0.1:${serverPort}`,
        "/etc/haproxy/chat.example.pem": `${folder}/both.pem`,
      });
    },
    startArgs: (configPath) => ["-W", "-f", configPath],
    reload: "SIGUSR2",
    keepsConnections: true,
    isHttp: !isTcp,
    // Deno's HTTP server does not know the PROXY protocol.
    engines: isTcp ? ["direct"] : ENGINES,
  });
}
