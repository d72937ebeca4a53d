import { freePort } from "../free_port.ts";
import { testProxy } from "./contract.ts";
import { CERT_PATH, KEY_PATH } from "./proxy.ts";
import { adapt, snippets } from "./snippets.ts";

const [EXAMPLE] = snippets("caddyfile");

const ADMIN_PORT = freePort();

await testProxy({
  name: "Caddy",
  path: "/usr/bin/caddy",
  debianPackage: "caddy",
  configOf: ({ ports, serverPort }) => {
    const site = adapt(EXAMPLE!, {
      "chat.example {": `${ports.map((port) => `https://:${port}`).join(", ")} {
\tbind 127.0.0.1
\ttls ${CERT_PATH} ${KEY_PATH}`,
      "127.0.0.1:8000": `127.0.0.1:${serverPort}`,
    });
    return `{\n\tadmin 127.0.0.1:${ADMIN_PORT}\n\tauto_https disable_redirects\n}\n${site}`;
  },
  startArgs: (configPath) => ["run", "--adapter", "caddyfile", "--config", configPath],
  reload: (
    configPath,
  ) => [
    ...["reload", "--adapter", "caddyfile", "--config", configPath],
    ...["--address", `127.0.0.1:${ADMIN_PORT}`],
  ],
  keepsConnections: false,
});
