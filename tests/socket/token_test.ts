import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { JWTPayload } from "jose";
import type { AppOptions } from "../../lib/server/app.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { AdminToken } from "../../lib/server/security/admin_token.ts";
import {
  encodeToken,
  IssuerKey,
  SECRET,
  signWithSecret,
} from "../server/security/tokens/issuer.ts";
import { JwksServer } from "../server/security/tokens/jwks_server.ts";
import { ChorusPeer } from "./chorus_peer.ts";
import { EventSource, type ServerSentEvent } from "./event_source.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** Starts a server with the secret of the tests, whose file is deleted. */
async function start(
  overrides: Partial<ServerConfig>,
  options: Partial<AppOptions> = {},
): Promise<TestApp> {
  const tokenSecretFile = await Deno.makeTempFile();
  await Deno.writeTextFile(tokenSecretFile, SECRET);
  try {
    return await startTestApp({ tokenSecretFile, ...overrides }, options);
  } finally {
    await Deno.remove(tokenSecretFile);
  }
}

/** The token of a user, valid for a minute. */
function tokenOf(sub: string, claims: JWTPayload = {}): Promise<string> {
  return signWithSecret({ sub, exp: inSeconds(60), ...claims });
}

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** The first event that does not have this name. */
async function firstAfter(events: EventSource, name: string): Promise<ServerSentEvent | undefined> {
  for (;;) {
    const event = await events.next();
    if (event?.event !== name) return event;
  }
}

/** An answer to a request that is refused. */
interface Answer {
  readonly status: number;
  readonly message: string;
  readonly challenge: string;
}

/** Sends a handshake with more header fields. Returns the answer if it is refused. */
async function handshake(
  { port }: TestApp,
  fields: Readonly<Record<string, string>>,
): Promise<Answer> {
  using peer = await RawPeer.connect(port);
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  await peer.send(["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, ...lines, "", ""].join("\r\n"));
  const head = await peer.readHead();
  const field = (name: string) => head.match(new RegExp(`^${name}: (.*)\r$`, "im"))?.[1] ?? "";
  const status = Number(head.split(" ")[1]);
  // Without a length, the end of the connection ends the body.
  const length = status === 101 ? 0 : Number(field("content-length") || 10_000);
  const message = new TextDecoder().decode(await peer.read(length)).trim();
  return { status, message, challenge: field("www-authenticate") };
}

/** Sends a request to the HTTP API. Returns the answer if it is refused. */
async function request(
  { app }: TestApp,
  path: string,
  init: RequestInit & { headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(new URL(path, app.url), init);
  const { headers, status } = response;
  const text = await response.text();
  const isProblem = headers.get("content-type") === "application/problem+json";
  const message = isProblem ? JSON.parse(text).detail : "";
  return { status, message, challenge: headers.get("www-authenticate") ?? "" };
}

const POST = { method: "POST", body: "hi" };

/** Tokens that are refused. */
const BAD_TOKENS: readonly {
  readonly name: string;
  readonly sign: () => string | Promise<string>;
  readonly status: number;
  readonly words: string;
}[] = [{
  name: "a token without a signature",
  sign: () => encodeToken({ alg: "none" }, { sub: "ann" }),
  status: 401,
  words: "The token is not signed: this server accepts HS256",
}, {
  name: "another algorithm",
  sign: () => signWithSecret({ sub: "ann" }, SECRET.repeat(2), "HS512"),
  status: 401,
  words: "The token is signed with HS512: this server accepts HS256",
}, {
  name: "another key",
  sign: () => signWithSecret({ sub: "ann" }, SECRET.toUpperCase()),
  status: 401,
  words: "The token's signature is wrong: it was signed with another key, or changed",
}, {
  name: "another audience",
  sign: () => tokenOf("ann", { aud: "shop" }),
  status: 401,
  words: "The token is for the audience shop: this server has none (--token-audience)",
}, {
  name: "an expired token",
  sign: () => tokenOf("ann", { exp: inSeconds(-31) }),
  status: 401,
  words: "The token has expired: get a new one",
}, {
  name: "an early token",
  sign: () => tokenOf("ann", { nbf: inSeconds(60) }),
  status: 401,
  words: "The token is not valid yet (nbf): wait, or correct the clock of the issuer",
}, {
  name: "a token without a user",
  sign: () => signWithSecret({}),
  status: 401,
  words: "The token's claim sub must be a text of 1 to 255 visible characters",
}, {
  name: "an oversized token",
  sign: () => tokenOf("ann", { pad: "x".repeat(4096) }),
  status: 431,
  words: "A token must not exceed 4096 bytes (--max-token-bytes)",
}, {
  name: "a token for another room",
  sign: () => tokenOf("ann", { rooms: { read: ["tea"], publish: ["tea"] } }),
  status: 403,
  words: "This token does not allow you to read this room",
}];

for (const engine of ENGINES) {
  Deno.test(`${engine}: a WebSocket opens with a token in a subprotocol, a header, or a cookie`, async () => {
    await using server = await start({ engine, tokenCookie: "sid" });
    const token = await tokenOf("ann", { name: "Ann" });
    const cases: [headers: Record<string, string>, protocols: string[], protocol: string][] = [
      [{}, ["chorus.v1", `chorus.token.${token}`], "chorus.v1"],
      [{}, [`chorus.token.${token}`, "chorus.plain"], "chorus.plain"],
      [bearer(token), [], ""],
      [{ cookie: `sid=${token}` }, ["chorus.v1"], "chorus.v1"],
    ];
    for (const [headers, protocols, protocol] of cases) {
      await using _peer = await Peer.open(`${server.url}?name=Bob`, headers, protocols);
      const { properties } = await server.logged("{id} connected as {user}");
      assertEquals(properties.user, "ann", protocol);
    }
    const peer = await Peer.open(`${server.url}?name=Bob`, bearer(token), ["chorus.v1"]);
    assertEquals(JSON.parse(await peer.next() as string).members.at(-1).name, "Ann");
    await peer[Symbol.asyncDispose]();
  });

  Deno.test(`${engine}: a WebSocket without a token is refused, also with one in the query`, async () => {
    await using server = await start({ engine });
    const words = "This server needs a token: send `Authorization: Bearer TOKEN`, or offer the " +
      "WebSocket subprotocols chorus.v1 and chorus.token.TOKEN";
    const challenge = 'Bearer realm="chorus"';
    assertEquals(await handshake(server, {}), { status: 401, message: words, challenge });
    const token = await tokenOf("ann");
    assertEquals(
      (await request(server, `/rooms?token=${token}&access_token=${token}`)).status,
      401,
    );
    // A cookie needs --token-cookie.
    assertEquals((await handshake(server, { Cookie: `sid=${token}` })).status, 401);
  });

  for (const { name, sign, status, words } of BAD_TOKENS) {
    Deno.test(`${engine}: every way in refuses ${name} with ${status} and why`, async () => {
      await using server = await start({ engine });
      const token = await sign();
      const publishing = words.replace("read this", "publish in this");
      const offered = await handshake(server, {
        "Sec-WebSocket-Protocol": `chorus.v1, chorus.token.${token}`,
      });
      const answers = [
        [offered, words],
        [await handshake(server, { Authorization: `Bearer ${token}` }), words],
        [await request(server, "/rooms/lobby/events", { headers: bearer(token) }), words],
        [await request(server, "/rooms/lobby/messages", { headers: bearer(token) }), words],
        [await request(server, "/rooms/lobby/messages?before=", { headers: bearer(token) }), words],
        [
          await request(server, "/rooms/lobby/messages", { ...POST, headers: bearer(token) }),
          publishing,
        ],
      ] as const;
      for (const [answer, expected] of answers) {
        assertEquals([answer.status, answer.message], [status, expected]);
        if (status === 401) assertStringIncludes(answer.challenge, 'error="invalid_token"');
      }
      assertEquals(server.app.wires.size, 0);
    });
  }

  Deno.test(`${engine}: --token-audience and --token-issuer refuse tokens of others`, async () => {
    const issuer = "https://issuer.example";
    await using server = await start({ engine, tokenAudience: "chat", tokenIssuer: issuer });
    const cases = [
      [{ aud: "shop", iss: issuer }, "for the audience shop: this server's is chat"],
      [{ iss: issuer }, "The token has no audience (aud): this server's is chat"],
      [{ aud: "chat", iss: "https://evil.example" }, `evil.example: this server accepts ${issuer}`],
      [{ aud: "chat" }, `the issuer (missing): this server accepts ${issuer}`],
    ] as const;
    for (const [claims, words] of cases) {
      const headers = bearer(await tokenOf("ann", claims));
      const answers = [
        await handshake(server, headers),
        await request(server, "/rooms/lobby/events", { headers }),
        await request(server, "/rooms/lobby/messages", { ...POST, headers }),
      ];
      for (const { status, message, challenge } of answers) {
        assertEquals(status, 401);
        assertStringIncludes(message, words);
        assertStringIncludes(challenge, 'error="invalid_token"');
      }
    }
    const token = await tokenOf("ann", { aud: ["shop", "chat"], iss: issuer });
    await using _peer = await ChorusPeer.open(server.url, token);
  });

  Deno.test(`${engine}: a token counts up to 30 s after exp and before nbf`, async () => {
    await using server = await start({ engine });
    for (const claims of [{ exp: inSeconds(-20) }, { nbf: inSeconds(20) }]) {
      const token = await tokenOf("ann", claims);
      const { status } = await request(server, "/rooms/tea/messages", {
        ...POST,
        headers: bearer(token),
      });
      assertEquals(status, 201);
      await using _peer = await ChorusPeer.open(server.url, token);
    }
  });

  Deno.test(`${engine}: two tokens, and a malformed header, are refused with 400`, async () => {
    await using server = await start({ engine });
    const [ann, bob] = await Promise.all([tokenOf("ann"), tokenOf("bob")]);
    const two = { ...bearer(ann), "Sec-WebSocket-Protocol": `chorus.v1, chorus.token.${bob}` };
    assertEquals(
      (await handshake(server, two)).message,
      "The request has different tokens: send one",
    );
    const answer = await handshake(server, { Authorization: "Bearer" });
    assertEquals([answer.status, answer.message], [
      400,
      "The Authorization header must be `Bearer`, a space, and one token",
    ]);
    assertStringIncludes(answer.challenge, 'error="invalid_request"');
  });

  Deno.test(`${engine}: a cookie does not count for what other sites cause`, async () => {
    await using server = await start({ engine, tokenCookie: "sid" });
    const cookie = `sid=${await tokenOf("ann")}`;
    const statusOf = async (headers: Record<string, string>) =>
      (await handshake(server, { Cookie: cookie, ...headers })).status;
    assertEquals(await statusOf({ Origin: "http://127.0.0.1" }), 101);
    assertEquals(await statusOf({ Origin: "https://evil.example" }), 403);
    const read = (site: string) =>
      request(server, "/rooms", { headers: { cookie, "sec-fetch-site": site } });
    assertEquals((await read("same-origin")).status, 200);
    assertEquals((await read("cross-site")).status, 401);
  });

  Deno.test(`${engine}: clients without a token may do what --anonymous says`, async () => {
    await using readable = await start({ engine, anonymous: "read" });
    {
      await using reader = await ChorusPeer.open(readable.url);
      reader.say("hi", "c1");
      assertEquals((await reader.next("error")).code, "forbidden");
      const plain = await Peer.open(readable.url);
      plain.send("hi");
      assertEquals(await plain.closed, { code: 4503, reason: "not permitted" });
      const { status, message } = await request(readable, "/rooms/lobby/messages", POST);
      assertEquals([status, message], [
        401,
        "Clients without a token may not publish in this room: send a token",
      ]);
      const ann = bearer(await tokenOf("ann"));
      assertEquals(
        (await request(readable, "/rooms/lobby/messages", { ...POST, headers: ann })).status,
        201,
      );
      assertEquals((await reader.next("said")).from, null);
      assertEquals((await request(readable, "/rooms", { headers: bearer("a.b.c") })).status, 401);
    }
    await using open = await start({ engine, anonymous: "publish" });
    assertEquals((await request(open, "/rooms/lobby/messages", POST)).status, 201);
  });

  Deno.test(`${engine}: a token limits what a user reads and publishes, on every way`, async () => {
    await using server = await start({ engine });
    const token = await tokenOf("ann", { rooms: { read: ["tea", "team-*"], publish: ["team-*"] } });
    const headers = bearer(token);
    const status = async (path: string, init = {}) =>
      (await request(server, path, { headers, ...init })).status;
    assertEquals(await status("/rooms/team-1/messages", POST), 201);
    assertEquals(await status("/rooms/tea/messages", POST), 403);
    assertEquals(await status("/rooms/lobby/messages"), 403);
    const admin = bearer(await tokenOf("root"));
    assertEquals(await status("/rooms/secret/messages", { ...POST, headers: admin }), 201);
    const rooms = await fetch(new URL("/rooms", server.app.url), { headers });
    const listed: { name: string }[] = (await rooms.json()).rooms;
    assertEquals(listed.map(({ name }) => name), ["team-1"]);
    await using tea = await ChorusPeer.open(`${server.url}?room=tea`, token);
    tea.say("hi", "c1");
    assertEquals((await tea.next("error", "ack")).type, "error");
    await using team = await ChorusPeer.open(`${server.url}?room=team-1`, token);
    team.say("hi", "c1");
    assertEquals((await team.next("error", "ack")).type, "ack");
  });

  Deno.test(`${engine}: sockets and event streams end with their token, and chorus.v1 can renew it`, async () => {
    const clock = { nowMs: Date.now() };
    const clocks = { readMs: () => clock.nowMs, monotonicMs: () => performance.now() };
    await using server = await start({ engine }, { clocks });
    const exp = Math.floor(clock.nowMs / 1000) + 120;
    const token = await signWithSecret({ sub: "ann", exp });
    await using ann = await ChorusPeer.open(server.url, token);
    const old = await ChorusPeer.open(server.url, token);
    const plain = await Peer.open(server.url, bearer(token));
    await using events = await EventSource.open(
      new URL("/rooms/lobby/events", server.app.url),
      bearer(token),
    );
    assertEquals((await events.next())!.event, "welcome");

    clock.nowMs = (exp - 25) * 1000;
    assertEquals(await ann.next("token"), { type: "token", expiresInSeconds: 25 });
    assertEquals((await firstAfter(events, "joined"))!.event, "token");
    ann.send(JSON.stringify({ type: "token", token: "x".repeat(4097) }));
    await ann.next("error", "token");
    assertEquals(server.app.chat.counters.limits.token_size, 1);
    ann.send(JSON.stringify({ type: "token", token: "a.b.c" }));
    const error = await ann.next("error", "token");
    assert(error.type === "error" && error.code === "bad_token");
    assertEquals(error.message, "The token is not a JSON Web Token in its compact form");
    const next = await signWithSecret({ sub: "ann", exp: exp + 60 });
    ann.send(JSON.stringify({ type: "token", token: next }));
    assertEquals(await ann.next("error", "token"), { type: "token", expiresInSeconds: 85 });

    clock.nowMs = exp * 1000;
    const expired = { code: 4401, reason: "token expired" };
    assertEquals(await Promise.all([old.closed, plain.closed]), [expired, expired]);
    const end = await firstAfter(events, "left");
    assertEquals(JSON.parse(end!.data!), {
      type: "error",
      code: "token_expired",
      message: "token expired",
    });
    assertEquals([end!.event, await events.next()], ["error", undefined]);
    ann.say("still here", "c1");
    assertEquals((await ann.next("ack")).id, "c1");
  });

  Deno.test(`${engine}: tokens cannot be guessed by renewing, with --handshake-rate`, async () => {
    const rates = { handshakeRate: 1 / 3600, rateBurstMs: 7_200_000 };
    await using server = await start({ engine, ...rates });
    const peer = await ChorusPeer.open(server.url, await tokenOf("ann"));
    const renew = (token: string) => peer.send(JSON.stringify({ type: "token", token }));
    for (let count = 0; count < 2; count++) {
      renew(await signWithSecret({ sub: "ann" }, SECRET.toUpperCase()));
      assertStringIncludes((await peer.next("error")).message, "signature is wrong");
    }
    // A right token gets no other answer than a wrong one.
    renew(await tokenOf("ann"));
    assertEquals(await peer.closed, { code: 4029, reason: "rate limit exceeded" });
    assertEquals(server.app.chat.counters.limits.wrong_tokens_per_address, 1);
    const headers = bearer(await tokenOf("ann"));
    assertEquals((await request(server, "/rooms", { headers })).status, 429);
  });

  Deno.test(`${engine}: a client without a token gets no answer about a new one`, async () => {
    await using server = await start({ engine, anonymous: "read" });
    await using peer = await ChorusPeer.open(server.url);
    const forged = await signWithSecret({ sub: "ann" }, SECRET.toUpperCase());
    for (const token of [await tokenOf("ann"), forged, "a.b.c"]) {
      peer.send(JSON.stringify({ type: "token", token }));
      const { code, message } = await peer.next("error");
      assertEquals([code, message], [
        "bad_token",
        "You have connected without a token: connect again with a token",
      ]);
    }
  });

  Deno.test(`${engine}: the log tells whose token was refused`, async () => {
    await using server = await start({ engine, logLevel: "debug" });
    const forged = await signWithSecret({ sub: "ann" }, SECRET.toUpperCase());
    const line = async (template: string) => {
      const { message, properties } = await server.logged(template);
      return message.join("").replace(`${properties.address}`, "ADDRESS");
    };
    const reason = "was refused with 401: The token's signature is wrong: it was signed with " +
      "another key, or changed";
    await handshake(server, { ...bearer(forged), "X-Request-Id": "a1" });
    assertEquals(await line("{address}"), `ADDRESS sent a token that ${reason} (request a1)`);
    await handshake(server, bearer(forged));
    assertEquals(await line("{address}"), `ADDRESS sent a token that ${reason}`);
    const fields = { ...bearer(forged), "x-request-id": "b2" };
    await request(server, "/rooms", { headers: fields });
    assertEquals(await line("{address}"), `ADDRESS sent a token that ${reason} (request b2)`);
    await using peer = await ChorusPeer.open(server.url, await tokenOf("ann"));
    const { id } = (await server.logged("{id} connected")).properties;
    peer.send(JSON.stringify({ type: "token", token: forged }));
    assertEquals(await line("{id} sent"), `${id} sent a token that ${reason}`);
    // A request without a token is not logged.
    await handshake(server, {});
    await handshake(server, { ...bearer("a.b.c"), "X-Request-Id": "c3" });
    assertEquals((await server.logged("{address}")).properties.requestId, "c3");
  });

  Deno.test(`${engine}: GET /rooms names no room that the token does not allow to read`, async () => {
    await using server = await start({ engine });
    const all = bearer(await tokenOf("bob"));
    for (const room of ["a1", "tea-1", "tea-2", "x1", "x2", "x3"]) {
      await request(server, `/rooms/${room}/messages`, { ...POST, headers: all });
    }
    const pagesOf = async (...read: string[]) => {
      const headers = bearer(await tokenOf("ann", { rooms: { read } }));
      const pages: string[][] = [];
      for (let path = "/rooms?limit=1"; path !== "";) {
        const response = await fetch(new URL(path, server.app.url), { headers });
        const { rooms } = await response.json();
        pages.push(rooms.map(({ name }: { name: string }) => name));
        path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1] ?? "";
        if (path !== "") assertEquals(path, `/rooms?after=${pages.at(-1)!.at(-1)}&limit=1`);
      }
      return pages;
    };
    assertEquals(await pagesOf("tea*", "x3"), [["tea-1"], ["tea-2"], ["x3"]]);
    assertEquals(await pagesOf("tea*"), [["tea-1"], ["tea-2"]]);
    assertEquals(await pagesOf("none"), [[]]);
  });

  Deno.test(`${engine}: keys of a JWKS verify tokens, also after they have changed`, async () => {
    const keys = await Promise.all(
      ["RS256", "ES256", "EdDSA"].map((alg) => IssuerKey.create(alg, alg)),
    );
    await using source = new JwksServer(keys.map(({ jwk }) => jwk));
    const monotonic = { nowMs: 0 };
    const clocks = { readMs: Date.now, monotonicMs: () => monotonic.nowMs };
    await using server = await startTestApp({ engine, tokenJwks: source.url }, { clocks });
    const statusOf = async (token: string) =>
      (await request(server, "/rooms", { headers: bearer(token) })).status;
    for (const key of keys) {
      const token = await key.sign({ sub: "ann" });
      assertEquals(await statusOf(token), 200);
      await using _peer = await ChorusPeer.open(server.url, token);
    }
    const next = await IssuerKey.create("ES256", "next");
    source.rotate([next.jwk]);
    monotonic.nowMs = 10_000;
    await using _peer = await ChorusPeer.open(server.url, await next.sign({ sub: "ann" }));
    assertEquals(await statusOf(await keys[0]!.sign({ sub: "ann" })), 401);
    source.answer = () => new Response(null, { status: 500 });
    monotonic.nowMs = 20_000;
    assertEquals(await statusOf(await keys[0]!.sign({ sub: "ann" })), 503);
    assertEquals(await statusOf(await next.sign({ sub: "bob" })), 200);
    await using stream = await EventSource.open(
      new URL("/rooms/lobby/events", server.app.url),
      { accept: "text/event-stream", ...bearer(await keys[0]!.sign({ sub: "ann" })) },
    );
    const event = await stream.next();
    assertEquals([event?.event, JSON.parse(event!.data!).code], ["error", "keys_unavailable"]);
  });

  Deno.test(`${engine}: an event stream does not join a server that has begun to stop`, async () => {
    const key = await IssuerKey.create("ES256", "a");
    await using source = new JwksServer([key.jwk]);
    const monotonic = { nowMs: 0 };
    const clocks = { readMs: Date.now, monotonicMs: () => monotonic.nowMs };
    const config = { engine, tokenJwks: source.url, drainWindowMs: 1 };
    await using server = await startTestApp(config, { clocks });
    await using _peer = await ChorusPeer.open(server.url, await key.sign({ sub: "bob" }));
    const next = await IssuerKey.create("ES256", "next");
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    source.answer = () => {
      asked.resolve();
      return answer.promise;
    };
    monotonic.nowMs = 10_000;
    const responding = fetch(new URL("/rooms/lobby/events", server.app.url), {
      headers: { accept: "text/event-stream", ...bearer(await next.sign({ sub: "ann" })) },
    });
    await asked.promise;
    const drained = server.app.drain();
    answer.resolve(Response.json({ keys: [next.jwk] }));
    const text = await (await responding).text();
    assertStringIncludes(text, "event:error");
    assertStringIncludes(text, '"code":"server_stopping"');
    await drained;
  });

  Deno.test(`${engine}: administrators find and close the connections of a user`, async () => {
    const adminToken = new AdminToken("0123456789abcdef");
    await using server = await start({ engine, anonymous: "read" }, { adminToken });
    const ann = await ChorusPeer.open(server.url, await tokenOf("ann"));
    await using _bob = await ChorusPeer.open(server.url, await tokenOf("bob"));
    await using _stranger = await ChorusPeer.open(server.url);
    const admin = async (method: string) => {
      const url = new URL("/admin/connections?user=ann", server.app.url);
      const response = await fetch(url, { method, headers: bearer("0123456789abcdef") });
      return await response.json();
    };
    const listed: { user: string }[] = (await admin("GET")).connections;
    assertEquals(listed.map(({ user }) => user), ["ann"]);
    assertEquals(await admin("DELETE"), { closed: 1 });
    const { properties } = await server.logged("{id} is closed by an administrator (request");
    assertEquals(properties.id, ann.welcome.you);
    assertEquals((await ann.closed).code, 4500);
    assertEquals(server.app.chat.size, 2);
  });

  Deno.test(`${engine}: the page, /healthz, and CORS preflight requests need no token`, async () => {
    await using server = await start({ engine, allowOrigin: ["https://app.example"] });
    for (const path of ["/", "/healthz"]) assertEquals((await request(server, path)).status, 200);
    const preflight = await fetch(new URL("/rooms/tea/messages", server.app.url), {
      method: "OPTIONS",
      headers: {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
      },
    });
    await preflight.body?.cancel();
    assertEquals(preflight.status, 204);
    assertStringIncludes(preflight.headers.get("access-control-allow-headers")!, "authorization");
  });
}
