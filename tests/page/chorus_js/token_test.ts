import { assert, assertEquals } from "@std/assert";
import { connect, type TokenReason } from "../../../lib/server/page/chorus.js";
import { SECRET, signWithSecret } from "../../server/security/tokens/issuer.ts";
import { ENGINES, startTestApp } from "../../socket/test_app.ts";
import { Observer } from "./observer.ts";
import { ScriptedServer } from "./scripted_server.ts";

/** A token that is valid for some seconds. */
function tokenFor(seconds: number, sub = "ann"): Promise<string> {
  return signWithSecret({ sub, exp: Math.floor(Date.now() / 1000) + seconds });
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a client renews its token by the callback, without a break`, async () => {
    const tokenSecretFile = await Deno.makeTempFile();
    await Deno.writeTextFile(tokenSecretFile, SECRET);
    await using server = await startTestApp({ engine, tokenSecretFile });
    const reasons: TokenReason[] = [];
    const token = ({ reason }: { readonly reason: TokenReason }) => {
      reasons.push(reason);
      // The server gives notice of the first at once.
      return tokenFor(reason === "connect" ? 20 : 3600);
    };
    using ann = new Observer(connect(server.app.url, { token }));
    await ann.in("open");
    const { you } = ann.chat;
    while (reasons.length < 2) await ann.chat.send("tick");
    await ann.chat.send("tock");
    assertEquals(reasons, ["connect", "expiring"]);
    // The history needs a token, too.
    assertEquals((await ann.chat.history()).messages, []);
    const [member] = server.app.chat.members;
    assertEquals([member!.author.id, member!.access.user], [you, "ann"]);
    assertEquals(ann.statuses.map(({ state }) => state), ["connecting", "open"]);
    assertEquals(ann.errors, []);
    await Deno.remove(tokenSecretFile);
  });

  Deno.test(`${engine}: a client without a token ends, and says that it needs one`, async () => {
    const tokenSecretFile = await Deno.makeTempFile();
    await Deno.writeTextFile(tokenSecretFile, SECRET);
    await using server = await startTestApp({ engine, tokenSecretFile });
    using without = new Observer(connect(server.app.url));
    const { code, needsToken, reason } = await without.in("closed");
    assertEquals([code, needsToken], [401, true]);
    assert(reason!.startsWith("This server needs a token"));
    using wrong = new Observer(connect(server.app.url, { token: "not.a.token" }));
    assertEquals((await wrong.in("closed")).needsToken, true);
    using rooms = new Observer(connect(server.app.url, {
      room: "tea",
      token: await signWithSecret({ sub: "ann", rooms: { read: ["coffee"] } }),
    }));
    const forbidden = await rooms.in("closed");
    assertEquals([forbidden.code, forbidden.needsToken], [403, true]);
    await Deno.remove(tokenSecretFile);
  });
}

Deno.test("a client whose token has expired asks for a new one, and goes on", async () => {
  await using server = await ScriptedServer.start();
  const reasons: TokenReason[] = [];
  const token = ({ reason }: { readonly reason: TokenReason }) => {
    reasons.push(reason);
    return `token${reasons.length}`;
  };
  using ann = new Observer(connect(server.url, { token })).neverWait();
  const first = await server.connections.take();
  assertEquals(first.protocols.split(/,\s*/), ["chorus.v1", "chorus.token.token1"]);
  first.welcome();
  await ann.in("open");
  first.close(4401, "token expired");
  const second = await server.connections.take();
  assertEquals(second.protocols.split(/,\s*/), ["chorus.v1", "chorus.token.token2"]);
  assertEquals(second.query.since, "p0");
  second.welcome({ recovered: true });
  await ann.in("open");
  assertEquals([reasons, ann.statuses.at(-1)!.isResumed], [["connect", "expired"], true]);
});

Deno.test("a client with a fixed token ends when it has expired", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { token: "token" }));
  const connection = await server.connections.take();
  connection.welcome();
  connection.close(4401, "token expired");
  const { code, needsToken } = await ann.in("closed");
  assertEquals([code, needsToken], [4401, true]);
});

Deno.test("a refused token is replaced once", async () => {
  await using server = await ScriptedServer.start();
  server.answer = () => ({ status: 401, detail: "The token has expired: get a new one" });
  const reasons: TokenReason[] = [];
  const token = ({ reason }: { readonly reason: TokenReason }) => {
    reasons.push(reason);
    return "token";
  };
  using ann = new Observer(connect(server.url, { token }));
  const { needsToken } = await ann.in("closed");
  assertEquals([reasons, needsToken], [["connect", "expired"], true]);
});

Deno.test("a token callback that throws is reported, and called again", async () => {
  await using server = await ScriptedServer.start();
  let callCount = 0;
  const token = () => {
    if (++callCount === 1) throw new RangeError("no login");
    return callCount === 2 ? Promise.reject(new RangeError("no login")) : "token";
  };
  using ann = new Observer(connect(server.url, { token })).neverWait();
  const connection = await server.connections.take();
  assert(connection.protocols.includes("chorus.token.token"));
  assertEquals(ann.errors.map(({ code, cause }) => [code, String(cause)]), [
    ["token_failed", "RangeError: no login"],
    ["token_failed", "RangeError: no login"],
  ]);
});

Deno.test("a new token that the server refuses is reported, and the connection stays", async () => {
  await using server = await ScriptedServer.start();
  const tokens = ["token1", "token2", ""];
  using ann = new Observer(connect(server.url, { token: () => tokens.shift()! }));
  const connection = await server.connections.take();
  connection.welcome();
  connection.send({ type: "token", expiresInSeconds: 25 });
  assertEquals(await connection.next(), { type: "token", token: "token2" });
  connection.send({ type: "error", code: "bad_token", message: "No" });
  await ann.until(() => ann.errors.length === 1);
  assertEquals(ann.errors.map(({ code }) => code), ["bad_token"]);
  assertEquals(ann.chat.state, "open");
});

Deno.test("tokens that are valid for moments are not renewed all the time", async () => {
  await using server = await ScriptedServer.start();
  let tokenCount = 0;
  using ann = new Observer(connect(server.url, { token: () => `token${++tokenCount}` }));
  const connection = await server.connections.take();
  connection.welcome();
  // The second notice is the answer to the new token, and the third comes at once.
  const notice = { type: "token", expiresInSeconds: 2 };
  connection.send(notice);
  assertEquals(await connection.next(), { type: "token", token: "token2" });
  connection.send(notice, notice);
  connection.send({ type: "joined", members: [], memberCount: 2 });
  await ann.until(() => ann.chat.memberCount === 2);
  const sent = ann.chat.send("hi");
  assertEquals((await connection.next()).id, sent.id);
  assertEquals(tokenCount, 2);
  assertEquals(await connection.next(), { type: "token", token: "token3" });
});

Deno.test("a token with characters that no token has ends the client", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { token: "to ken" }));
  const { needsToken, reason } = await ann.in("closed");
  assert(needsToken && reason!.includes("token"));
  assertEquals(server.maxOpenCount, 0);
});
