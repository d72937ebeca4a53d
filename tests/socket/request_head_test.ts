import { assert, assertEquals, assertMatch } from "@std/assert";
import { AdminToken } from "../../lib/server/security/admin_token.ts";
import { HANDSHAKE_HEADERS, RawPeer, rawRequest } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

const [, ...UPGRADE] = HANDSHAKE_HEADERS;

/** Encodes a head of these lines as latin1, which has all bytes. */
function encodeHead(...lines: readonly string[]): Uint8Array {
  return Uint8Array.from([...lines, "", ""].join("\r\n"), (each) => each.charCodeAt(0));
}

/** Sends a head as it is, and returns the head of the response. */
async function respond(port: number, ...lines: readonly string[]): Promise<string> {
  using peer = await RawPeer.connect(port);
  await peer.send(encodeHead(...lines));
  return await peer.readHead();
}

/** Values of `Sec-WebSocket-Protocol`, one for each header, and whether they offer `chorus.v1`. */
const OFFERS: readonly (readonly [values: readonly string[], isChorus: boolean])[] = [
  [["chorus.v1"], true],
  [["foo,chorus.v1"], true],
  [["foo, chorus.v1"], true],
  [["chorus.v1 , foo"], true],
  [["foo\t,\tchorus.v1\t"], true],
  [[",chorus.v1,"], true],
  [["foo", "chorus.v1"], true],
  [["foo,bar", "chorus.v1,baz"], true],
  [["CHORUS.V1"], false],
  [["Chorus.v1, foo"], false],
  [["chorus.v1;a=b"], false],
  [["chorus.v1 foo"], false],
  [["chorus.v10"], false],
  [["\xa0chorus.v1"], false],
  [[""], false],
  [[], false],
];

const BAD_HOSTS = [
  ...["localhost/x", "localhost?", "localhost#", "user@localhost", "localhost:99999", "local host"],
  ...["%", "[::1", "http://localhost", "localhost\\x", "localh\xf6st", ":80"],
];

/** Targets that some programs take for `/metrics` or `/admin/connections`. */
const AMBIGUOUS_TARGETS: readonly (readonly [target: string, status: number])[] = [
  ["/x/../metrics", 400],
  ["/./metrics", 400],
  ["/metrics/.", 400],
  ["/%2e/metrics", 400],
  ["/x/%2e%2E/metrics", 400],
  ["/x/.%2e/metrics", 400],
  ["/x\\..\\metrics", 400],
  ["/x/..\\metrics", 400],
  ["/\\metrics", 400],
  ["/x/../admin/connections", 400],
  ["/admin\\connections", 400],
  ["http://localhost/x/../metrics", 400],
  ["http://localhost\\metrics", 400],
  ["//metrics", 404],
  ["/%6detrics", 404],
  ["/metrics%2f", 404],
  ["/metrics/", 404],
  ["/Metrics", 404],
  ["//admin/connections", 404],
  ["/%61dmin/connections", 404],
  ["/admin%2fconnections", 404],
];

for (const engine of ENGINES) {
  for (const [values, isChorus] of OFFERS) {
    const protocol = isChorus ? "chorus.v1" : "plain text";
    Deno.test(`${engine}: a client that offers ${JSON.stringify(values)} gets ${protocol}`, async () => {
      await using server = await startTestApp({ engine, greeting: "plain text" });
      using peer = await RawPeer.connect(server.port);
      const offers = values.map((value) => `Sec-WebSocket-Protocol: ${value}`);
      await peer.send(encodeHead("GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, ...offers));
      const head = await peer.readHead();
      assertMatch(head, /^HTTP\/1\.1 101 /);
      assertEquals(
        head.match(/(?<=sec-websocket-protocol: ).*/gi),
        isChorus ? ["chorus.v1"] : null,
      );
      for await (const { payload } of peer.frames()) {
        const text = new TextDecoder().decode(payload);
        assertEquals(isChorus ? JSON.parse(text).type : text, isChorus ? "welcome" : "plain text");
        break;
      }
    });
  }

  const tokens: readonly (readonly [fields: readonly string[], status: number])[] = [
    [["Upgrade: foo, WebSocket", "Connection: keep-alive,UPGRADE"], 101],
    [["Upgrade: websocket\t,foo", "Connection: keep-alive , upgrade"], 101],
    [["Upgrade: foo", "Upgrade: websocket", "Connection: a", "Connection: upgrade"], 101],
    [["Upgrade: \xa0websocket", "Connection: upgrade"], 426],
    [["Upgrade: websocket foo", "Connection: upgrade"], 426],
    [["Upgrade: websockets", "Connection: upgrade"], 426],
    [["Upgrade: websocket", "Connection: \x85upgrade"], 400],
  ];
  for (const [fields, status] of tokens) {
    Deno.test(`${engine}: ${JSON.stringify(fields)} gets ${status}`, async () => {
      await using server = await startTestApp({ engine });
      const [host, , , ...rest] = HANDSHAKE_HEADERS;
      const head = await respond(server.port, "GET /ws HTTP/1.1", host!, ...fields, ...rest);
      assertMatch(head, RegExp(`^HTTP/1\\.1 ${status} `));
    });
  }

  Deno.test(`${engine}: a Host that is not a host name with a port gets 400`, async () => {
    await using server = await startTestApp({ engine });
    for (const host of BAD_HOSTS) {
      for (const target of ["/healthz", "/rooms", "http://localhost/healthz"]) {
        const head = await respond(server.port, `GET ${target} HTTP/1.1`, `Host: ${host}`);
        assertMatch(head, /^HTTP\/1\.1 400 /, `${target} of ${host}`);
      }
      const head = await respond(server.port, "GET /ws HTTP/1.1", `Host: ${host}`, ...UPGRADE);
      assertMatch(head, /^HTTP\/1\.1 400 /, host);
    }
    for (const host of ["localhost", "LOCALHOST:80", "127.0.0.1:", "[::1]:8000", "a.localhost"]) {
      const head = await respond(server.port, "GET /healthz HTTP/1.1", `Host: ${host}`);
      assertMatch(head, /^HTTP\/1\.1 200 /, host);
    }
  });

  Deno.test(`${engine}: the host of an absolute target counts, not the Host header`, async () => {
    await using server = await startTestApp({ engine });
    for (const path of ["/rooms", "/healthz", "/ws", "/"]) {
      const head = await respond(
        server.port,
        `GET http://evil.example${path} HTTP/1.1`,
        "Host: localhost",
        "Origin: http://evil.example",
        ...(path === "/ws" ? UPGRADE : []),
      );
      assertMatch(head, /^HTTP\/1\.1 403 /);
    }
    const own = `http://localhost:${server.port}`;
    const fields = ["Host: evil.example", `Origin: ${own}`];
    assertMatch(await respond(server.port, `GET ${own}/healthz HTTP/1.1`, ...fields), / 200 /);
    const upgrade = await respond(server.port, `GET ${own}/ws HTTP/1.1`, ...fields, ...UPGRADE);
    assertMatch(upgrade, /^HTTP\/1\.1 101 /);
  });

  Deno.test(`${engine}: a path that a URL parser would change gets 400, and never the metrics`, async () => {
    const adminToken = new AdminToken("0123456789abcdef");
    await using server = await startTestApp({ engine }, { adminToken });
    for (const [target, status] of AMBIGUOUS_TARGETS) {
      const { status: got, body } = await rawRequest(server.port, [
        `GET ${target} HTTP/1.1`,
        "Host: localhost",
        "Authorization: Bearer 0123456789abcdef",
      ]);
      assertEquals([target, got], [target, status]);
      assert(!/chorus_rooms|connections":/.test(body), target);
    }
    // Only in the path.
    const query = await respond(server.port, "GET /healthz?/../\\ HTTP/1.1", "Host: localhost");
    assertMatch(query, /^HTTP\/1\.1 200 /);
  });

  Deno.test(`${engine}: a target with a fragment, a user, or unescaped bytes gets 400`, async () => {
    await using server = await startTestApp({ engine });
    const targets = [
      ...["/ws#x", "/ws#", "/?room=a#b", "/rooms#x", "/ws?room=\xe9", "/ws?room=\xc3\xa9"],
      ...["/rooms/\xc3\xa9/messages", "http://user@localhost/ws", "http://:@localhost/ws"],
      ...["http://localhost:99999/ws", "rooms", "*x"],
    ];
    for (const target of targets) {
      for (const fields of [[], UPGRADE]) {
        const lines = [`GET ${target} HTTP/1.1`, "Host: localhost", ...fields];
        assertMatch(await respond(server.port, ...lines), /^HTTP\/1\.1 400 /, target);
      }
    }
  });
}
