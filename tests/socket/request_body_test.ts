import { getLogger } from "@logtape/logtape";
import { assertEquals, assertMatch } from "@std/assert";
import { ChorusPeer } from "./chorus_peer.ts";
import { closeAll, Peer } from "./peer.ts";
import { RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

const BOM = "\uFEFF";

/** The head of a message, with these lines at its end. */
function head(...lines: readonly string[]): string {
  const fields = ["Host: 127.0.0.1", "Content-Type: text/plain", ...lines, "", ""];
  return ["POST /rooms/tea/messages HTTP/1.1", ...fields].join("\r\n");
}

function publish({ app }: TestApp, type: string, body: string): Promise<Response> {
  const url = new URL("/rooms/tea/messages", app.url);
  return fetch(url, { method: "POST", headers: { "content-type": type }, body });
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a byte order mark before JSON is skipped; in a text it stays`, async () => {
    await using server = await startTestApp({ engine });
    const plain = await Peer.open(`${server.url}?room=tea`);
    const chorus = await ChorusPeer.open(`${server.url}?room=tea`);
    await using sender = await Peer.open(`${server.url}?room=tea`);
    await using json = await Peer.open(`${server.url}?room=tea`, {}, ["chorus.v1"]);
    const bodies = [["application/json", `${BOM}{"text":"one"}`], ["text/plain", `${BOM}two`]];
    for (const [type, body] of bodies) {
      const published = await publish(server, type!, body!);
      assertEquals(published.status, 201, await published.text());
    }
    assertEquals(await plain.take(2), ["one", `${BOM}two`]);
    sender.send(`${BOM}three`);
    assertEquals(await plain.take(1), [`${BOM}three`]);
    json.send(`${BOM}{"type":"say","text":"four"}`);
    assertEquals(await plain.take(1), ["four"]);
    const texts = [];
    for (let count = 0; count < 4; count++) {
      const said = await chorus.next("said");
      texts.push("text" in said && said.text);
    }
    assertEquals(texts, ["one", `${BOM}two`, `${BOM}three`, "four"]);
    // Only one byte order mark is skipped, and none within the JSON.
    assertEquals((await publish(server, "application/json", `${BOM}${BOM}{}`)).status, 400);
    await closeAll([plain, chorus]);
  });

  Deno.test(`${engine}: a body that takes too long gets 408`, async () => {
    await using server = await startTestApp({ engine, requestTimeoutMs: 400 });
    for (const lines of [["Content-Length: 5"], ["Transfer-Encoding: chunked"]]) {
      using peer = await RawPeer.connect(server.port);
      await peer.send(head(...lines) + (lines[0]!.startsWith("T") ? "5\r\nhel" : "hel"));
      assertMatch(await peer.readHead(), /^HTTP\/1\.1 408 /);
    }
    assertEquals((await publish(server, "text/plain", "in time")).status, 201);
  });

  Deno.test(`${engine}: --request-timeout 0 disables the limit`, async () => {
    await using server = await startTestApp({ engine, requestTimeoutMs: 0 });
    using peer = await RawPeer.connect(server.port);
    await peer.send(head("Content-Length: 2", "Expect: 100-continue"));
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 100 /);
    await peer.send("h");
    await peer.send("i");
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 201 /);
  });

  for (const way of ["closes", "half-closes"]) {
    Deno.test(`${engine}: nothing is logged when a client ${way} within its body`, async () => {
      await using server = await startTestApp({ engine });
      for (const body of way === "closes" ? ["", "h", "hello"] : ["", "h"]) {
        using peer = await RawPeer.connect(server.port);
        await peer.send(head("Content-Length: 5", "Expect: 100-continue"));
        // Now the server reads the body.
        assertMatch(await peer.readHead(), /^HTTP\/1\.1 100 /);
        await peer.send(body);
        if (way === "half-closes") {
          await peer.closeWrite();
          const text = await peer.readToEnd();
          if (engine === "direct") assertMatch(text, /^HTTP\/1\.1 400 /);
        }
      }
      await server.app.drain();
      getLogger("test").info("end");
      assertEquals((await server.logged("")).rawMessage, "end");
    });
  }

  Deno.test(`${engine}: a malformed chunk gets 400`, async () => {
    await using server = await startTestApp({ engine });
    using peer = await RawPeer.connect(server.port);
    await peer.send(head("Transfer-Encoding: chunked", "Expect: 100-continue"));
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 100 /);
    await peer.send("2\r\nhi\r\n");
    await peer.send("zz\r\n");
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 400 /);
  });

  Deno.test(`${engine}: a message whose length is over the limit gets 413 unread`, async () => {
    await using server = await startTestApp({ engine, maxMessageBytes: 100 });
    for (const lines of [["Content-Length: 101"], ["Content-Length: 5000000000"]]) {
      using peer = await RawPeer.connect(server.port);
      await peer.send(head(...lines));
      assertMatch(await peer.readHead(), /^HTTP\/1\.1 413 /);
    }
    // Not so long that the server closes before the client has written it.
    const response = await publish(server, "text/plain", "x".repeat(1000));
    assertEquals(response.status, 413);
    assertEquals((await response.json()).detail, "A message must not exceed 100 bytes");
  });
}

Deno.test("direct: a body that is refused by its head is not asked for", async () => {
  await using server = await startTestApp({ maxMessageBytes: 100 });
  using peer = await RawPeer.connect(server.port);
  await peer.send(head("Content-Length: 101", "Expect: 100-continue"));
  const text = await peer.readToEnd();
  assertMatch(text, /^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n/);
  assertMatch(text, /\r\n\r\n\{.*"A message must not exceed 100 bytes","requestId":"[^"]+"\}\n$/);
});

Deno.test("direct: a refused HEAD request gets no body", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.connect(server.port);
  await peer.send("HEAD /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n\r\n");
  assertMatch(await peer.readToEnd(), /^HTTP\/1\.1 404 [^]*\r\nconnection: close\r\n\r\n$/);
});
