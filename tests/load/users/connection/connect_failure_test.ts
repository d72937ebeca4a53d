import { assertEquals } from "@std/assert";
import { connectFailure } from "../../../../lib/load/users/connection/connect_failure.ts";
import { readTlsFiles } from "../../../../lib/server/security/tls_files.ts";
import { ENGINES, startTestApp } from "../../../socket/test_app.ts";
import { failureAt, targetAt } from "../attempt.ts";

const FILES = await readTlsFiles({
  tlsCert: new URL("../../../socket/tls_cert.pem", import.meta.url).pathname,
  tlsKey: new URL("../../../socket/tls_key.pem", import.meta.url).pathname,
});

for (const engine of ENGINES) {
  Deno.test(`${engine}: connect() with ws:// to a TLS server says to try wss://`, async () => {
    await using server = await startTestApp({ engine }, { tls: FILES });
    const url = `ws://127.0.0.1:${server.port}/ws`;
    assertEquals(await failureAt(targetAt(url)), {
      cause: "needs wss://",
      advice: `${url} speaks TLS: try wss://127.0.0.1:${server.port}/ws in --url`,
    });
  });

  Deno.test(`${engine}: connect() with wss:// to a plain server says to try ws://`, async () => {
    await using server = await startTestApp({ engine, handshakeTimeoutMs: 0 });
    const url = `wss://127.0.0.1:${server.port}/ws`;
    assertEquals(await failureAt(targetAt(url)), {
      cause: "needs ws://",
      advice: `${url} does not speak TLS: try ws://127.0.0.1:${server.port}/ws in --url`,
    });
  });
}

/** Answers each connection's first bytes with a text, and then ends or resets it. */
function respond(text: string, end: "end" | "reset") {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      // A connection that is closed with unread bytes is reset.
      await connection.read(new Uint8Array(end === "end" ? 4096 : 1));
      await connection.write(new TextEncoder().encode(text));
      connection.close();
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

const SERVERS: readonly [
  name: string,
  scheme: "ws" | "wss",
  text: string,
  cause: string,
  advice: string,
][] = [
  [
    "a plain server that answers in HTTP",
    "wss",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "needs ws://",
    "URL does not speak TLS: try ws://HOST/ in --url",
  ],
  [
    "a plain server that says nothing",
    "wss",
    "",
    "closed during the handshake",
    "URL closed the connection during the handshake: check that it speaks WebSocket, " +
    "or try ws://HOST/ in --url",
  ],
  [
    "a TLS server that sends an alert",
    "ws",
    "\x15\x03\x01\x00\x02\x02\x46",
    "needs wss://",
    "URL speaks TLS: try wss://HOST/ in --url",
  ],
  [
    "a TLS server that says nothing",
    "ws",
    "",
    "closed during the handshake",
    "URL closed the connection during the handshake: check that it speaks WebSocket, " +
    "or try wss://HOST/ in --url",
  ],
  [
    "a TLS server that answers with HTTP 400, as nginx",
    "ws",
    "HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port",
    "HTTP 400",
    "URL refused the handshake with HTTP 400 Bad Request: " +
    "check that --url names a WebSocket server, or try wss://HOST/ in --url",
  ],
  [
    "a TLS server that answers in HTTP/1.0, as Go",
    "ws",
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
    "HTTP 400",
    "URL refused the handshake with HTTP 400 Bad Request: " +
    "check that --url names a WebSocket server, or try wss://HOST/ in --url",
  ],
];

for (const [name, scheme, text, cause, advice] of SERVERS) {
  for (const end of text === "" ? ["end", "reset"] as const : ["end"] as const) {
    Deno.test(`connect() with ${scheme}:// tells the reason for ${name} (${end})`, async () => {
      await using server = respond(text, end);
      const host = `127.0.0.1:${server.port}`;
      const url = `${scheme}://${host}/`;
      assertEquals(await failureAt(targetAt(url)), {
        cause,
        advice: advice.replace("URL", url).replace("HOST", host),
      });
    });
  }
}

for (const code of ["EADDRNOTAVAIL", "EINVAL", "EADDRINUSE"]) {
  Deno.test(`connectFailure() advises --local-address if the ports are used up (${code})`, () => {
    assertEquals(connectFailure("ws://127.0.0.1/", { code }), {
      cause: "no ports left",
      advice: "This machine has no ports left for another connection to that address: " +
        "add source addresses with --local-address, or lower --count",
    });
  });
}
