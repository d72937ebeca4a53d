import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ServerConfig } from "../../lib/server/config.ts";
import { HANDSHAKE_HEADERS, rawRequest } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

interface Case {
  readonly name: string;
  readonly request: string;
  /**
   * Sends a valid handshake with these headers replaced, or removed if undefined. Without it, the
   * request has only a Host header.
   */
  readonly handshake?: Readonly<Record<string, string | undefined>>;
  readonly headers?: readonly string[];
  readonly status: number;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly config?: Partial<ServerConfig>;
}

const PAGE_PATHS = { "/": "text/html", "/docs": "text/html", "/chorus.js": "text/javascript" };

const CASES: readonly Case[] = [
  ...["", "tea%20room", "x".repeat(129), "%00", "%ff"].map((room): Case => ({
    name: `an upgrade to an invalid room: ${room.slice(0, 12)}`,
    request: `GET /ws?room=${room}`,
    handshake: {},
    status: 400,
    body: '?room= must be 1 to 128 visible characters without spaces: it was "',
  })),
  ...Object.entries(PAGE_PATHS).flatMap(([path, type]): Case[] => [
    {
      name: "a page file",
      request: `GET ${path}`,
      status: 200,
      responseHeaders: { "content-type": `${type}; charset=utf-8` },
    },
    {
      name: "a page file without its body",
      request: `HEAD ${path}`,
      status: 200,
      body: "",
    },
    {
      name: "a wrong method",
      request: `DELETE ${path}`,
      status: 405,
      responseHeaders: { allow: "GET, HEAD" },
      body: "DELETE",
    },
  ]),
  { name: "health", request: "GET /healthz", status: 200, body: "ok" },
  {
    name: "a wrong method",
    request: "POST /healthz",
    status: 405,
    responseHeaders: { allow: "GET, HEAD" },
  },
  { name: "an unknown path", request: "GET /nope", status: 404, body: "Not found" },
  { name: "an upgrade on another path", request: "GET /nope", handshake: {}, status: 404 },
  {
    name: "no upgrade",
    request: "GET /ws",
    status: 426,
    responseHeaders: { upgrade: "websocket" },
    body: "Upgrade: websocket",
  },
  {
    name: "an upgrade to another protocol",
    request: "GET /ws",
    handshake: { Upgrade: "h2c" },
    status: 426,
  },
  {
    name: "a wrong method",
    request: "POST /ws",
    handshake: {},
    status: 405,
    responseHeaders: { allow: "GET" },
    body: "POST",
  },
  {
    name: "an old version",
    request: "GET /ws",
    handshake: { "Sec-WebSocket-Version": "8" },
    status: 426,
    responseHeaders: { "sec-websocket-version": "13" },
    body: "8",
  },
  {
    name: "no version",
    request: "GET /",
    handshake: { "Sec-WebSocket-Version": undefined },
    status: 426,
    responseHeaders: { "sec-websocket-version": "13" },
    body: "missing",
  },
  {
    name: "no key",
    request: "GET /ws",
    handshake: { "Sec-WebSocket-Key": undefined },
    status: 400,
    body: "Sec-WebSocket-Key must be 16 bytes in base64: it was missing",
  },
  {
    name: "a key of 15 bytes",
    request: "GET /",
    handshake: { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j" },
    status: 400,
    body: "dGhlIHNhbXBsZSBub25j",
  },
  {
    name: "another page's origin",
    request: "GET /ws",
    handshake: {},
    headers: ["Origin: http://evil.example"],
    status: 403,
    body: "http://evil.example",
  },
  {
    name: "another page's origin without an upgrade",
    request: "GET /",
    headers: ["Origin: http://evil.example"],
    status: 403,
  },
  { name: "an opaque origin", request: "GET /ws", headers: ["Origin: null"], status: 403 },
  {
    name: "another port of this host",
    request: "GET /healthz",
    headers: ["Origin: http://127.0.0.1:1"],
    status: 403,
  },
  {
    name: "an origin that --allow-origin names",
    request: "GET /healthz",
    headers: ["Origin: https://friend.example"],
    config: { allowOrigin: ["https://friend.example"] },
    status: 200,
  },
  ...[["https://a.b.example.com", 200], ["https://example.com", 403]].map(([origin, status]) => ({
    name: `the origin ${origin} with --allow-origin https://*.example.com`,
    request: "GET /healthz",
    headers: [`Origin: ${origin}`],
    config: { allowOrigin: ["https://*.example.com"] },
    status: Number(status),
  })),
  {
    name: "any origin with --allow-origin *",
    request: "GET /healthz",
    headers: ["Origin: https://friend.example"],
    config: { allowOrigin: ["*"] },
    status: 200,
  },
];

for (const engine of ENGINES) {
  for (
    const { name, request, handshake, headers = [], status, responseHeaders = {}, body, config }
      of CASES
  ) {
    Deno.test(`${engine}: ${request} responds with ${status} to ${name}`, async () => {
      await using server = await startTestApp({ engine, ...config });
      const lines = handshake ? changed(HANDSHAKE_HEADERS, handshake) : ["Host: 127.0.0.1"];
      const response = await rawRequest(server.port, [`${request} HTTP/1.1`, ...lines, ...headers]);
      assertEquals(response.status, status, response.body);
      for (const [header, value] of Object.entries(responseHeaders)) {
        assertEquals(response.headers.get(header), value);
      }
      if (body === "") assertEquals(response.body, "");
      else if (body !== undefined) assertStringIncludes(response.body, body);
      if (status >= 400) assertMatch(response.headers.get("content-type")!, /^text\/plain/);
    });
  }

  Deno.test(`${engine}: a handshake without Connection: Upgrade gets 400`, async () => {
    await using server = await startTestApp({ engine });
    const response = await rawRequest(server.port, [
      "GET /ws HTTP/1.1",
      // rawRequest() adds `Connection: close`.
      ...changed(HANDSHAKE_HEADERS, { Connection: undefined }),
    ]);
    assertEquals(response.status, 400);
    assertStringIncludes(response.body, "Connection: Upgrade");
  });

  Deno.test(`${engine}: a WebSocket from the page's own origin connects`, async () => {
    await using server = await startTestApp({ engine });
    const socket = new WebSocket(server.url, { headers: { origin: server.app.url.origin } });
    await new Promise((resolve) => socket.onopen = resolve);
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await closed;
  });

  Deno.test(`${engine}: a client with a current copy of a page file gets 304`, async () => {
    await using server = await startTestApp({ engine });
    for (const path of Object.keys(PAGE_PATHS)) {
      const url = new URL(path, server.app.url);
      const first = await fetch(url);
      await first.body?.cancel();
      const etag = first.headers.get("etag")!;
      const second = await fetch(url, { headers: { "if-none-match": etag } });
      assertEquals([second.status, await second.text()], [304, ""]);
      assertEquals(second.headers.get("etag"), etag);
      const third = await fetch(url, { headers: { "if-none-match": '"another"' } });
      await third.body?.cancel();
      assertEquals(third.status, 200);
    }
  });
}

function changed(
  lines: readonly string[],
  changes: Readonly<Record<string, string | undefined>>,
): string[] {
  return lines.flatMap((line) => {
    const name = line.split(":")[0]!;
    if (!Object.hasOwn(changes, name)) return [line];
    const value = changes[name];
    return value === undefined ? [] : [`${name}: ${value}`];
  });
}
