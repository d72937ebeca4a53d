import { assertEquals } from "@std/assert";
import type { Target } from "../../../../lib/load/users/connection/connect.ts";
import { failureAt, targetAt } from "../attempt.ts";

const FOLDER = new URL("certificates/", import.meta.url);
const KEY = await Deno.readTextFile(new URL("key.pem", FOLDER));
const CA = await Deno.readTextFile(new URL("ca.pem", FOLDER));

/** Connects to a server with a certificate as two users do, and returns what both are told. */
async function failuresOf(name: string, overrides: Partial<Target> = {}) {
  const cert = await Deno.readTextFile(new URL(`${name}.pem`, FOLDER));
  let handshakes = 0;
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key: KEY });
  const serving = (async () => {
    for await (const connection of listener) {
      handshakes++;
      // The client rejects the certificate.
      connection.handshake().catch(() => {}).finally(() => connection.close());
    }
  })();
  const url = `wss://localhost:${listener.addr.port}/ws`;
  const target = { ...targetAt(url), caCerts: CA, ...overrides };
  const failures = await Promise.all([failureAt(target), failureAt(target)]);
  listener.close();
  await serving;
  return { url, handshakes, failures };
}

const CASES: readonly [
  name: string,
  overrides: Partial<Target>,
  cause: string,
  advice: (url: string) => string,
][] = [
  [
    "expired",
    {},
    "certificate expired",
    (url) => `The certificate of ${url} has expired: renew it, or check this machine's clock`,
  ],
  [
    "future",
    {},
    "certificate not valid yet",
    (url) =>
      `The certificate of ${url} is not valid yet: check this machine's clock, ` +
      "or replace the certificate",
  ],
  [
    "other_host",
    {},
    "certificate of another host",
    (url) =>
      `The certificate of ${url} is for example.com, www.example.com, not for localhost: ` +
      "use a name of the certificate in --url",
  ],
  [
    "good",
    { caCerts: undefined },
    "certificate not trusted",
    (url) =>
      `The issuer of the certificate of ${url} is unknown: add it with --cacert, ` +
      "or accept any certificate with --insecure",
  ],
  [
    "self_signed",
    {},
    "certificate self-signed",
    (url) =>
      `The certificate of ${url} is self-signed: add it with --cacert, ` +
      "or accept any certificate with --insecure",
  ],
];

for (const [name, overrides, cause, advice] of CASES) {
  Deno.test(`connect() tells the reason if the certificate is ${name}.pem: ${cause}`, async () => {
    const { url, handshakes, failures } = await failuresOf(name, overrides);
    assertEquals(failures, Array(2).fill({ cause, advice: advice(url) }));
    // Two users, and one connection that asks for the reason.
    assertEquals(handshakes, 3);
  });
}

Deno.test("connect() accepts the certificate good.pem", async () => {
  const { failures } = await failuresOf("good");
  // The server closes the connection after the handshake of TLS.
  assertEquals(failures.map(({ cause }) => cause), Array(2).fill("closed during the handshake"));
});
