import { CERT_PATH, KEY_PATH, type ProxyProgram } from "./proxy.ts";
import { adapt, snippets } from "./snippets.ts";

const [EXAMPLE] = snippets("nginx");

/** nginx with the example of the manual. */
export const nginx: ProxyProgram = {
  name: "nginx",
  path: "/usr/sbin/nginx",
  debianPackage: "nginx-light",
  configOf: ({ ports, serverPort, folder }) => {
    const http = adapt(EXAMPLE!, {
      "listen 443 ssl http2;": ports.map((port) => `listen 127.0.0.1:${port} ssl http2;`).join(" "),
      "127.0.0.1:8000": `127.0.0.1:${serverPort}`,
      "/etc/ssl/chat.example.pem": CERT_PATH,
      "/etc/ssl/chat.example.key": KEY_PATH,
    });
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ");
    return `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 2; events {}
http { access_log off; ${temporary}\n${http} }`;
  },
  startArgs: (configPath) => ["-e", "stderr", "-c", configPath],
  reload: (configPath) => ["-e", "stderr", "-c", configPath, "-s", "reload"],
  keepsConnections: true,
};
