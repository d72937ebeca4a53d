import { type ClientHttp2Session, connect } from "node:http2";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readTlsFiles } from "../../lib/server/security/tls_files.ts";
import { startTestApp } from "./test_app.ts";

const FILES = await readTlsFiles({
  tlsCert: new URL("tls_cert.pem", import.meta.url).pathname,
  tlsKey: new URL("tls_key.pem", import.meta.url).pathname,
});

// With TLS, only `Deno.serve` offers HTTP/2. Without it, clients with prior knowledge may speak it.
const VARIANTS = [
  { engine: "serve", tls: FILES },
  { engine: "serve", tls: undefined },
  { engine: "direct", tls: undefined },
] as const;

const PATH = "/rooms/tea/messages";
const POST = { ":method": "POST", ":path": PATH, "content-type": "text/plain" };

interface Http2Response {
  readonly status: number;
  readonly body: string;
}

for (const { engine, tls } of VARIANTS) {
  const about = `${engine}, HTTP/2${tls ? " over TLS" : ""}`;

  Deno.test(`${about}: the authority counts as the host`, async () => {
    await using server = await startTestApp({ engine }, { tls });
    const { origin, host } = server.app.url;
    await using client = await Client.connect(origin);
    const published = await client.publish("hi", { origin });
    assertEquals([published.status, "position" in JSON.parse(published.body)], [201, true]);
    const named = await client.publish("hi", { ":authority": `localhost:${server.port}` });
    assertEquals(named.status, 201);
    const [other, evil] = ["http://other.example", "evil.example"];
    for (const headers of [{ origin: other }, { ":authority": `localhost:1`, origin }]) {
      const refused = await client.publish("hi", headers);
      assertEquals(refused.status, 403);
      assertStringIncludes(refused.body, `origin ${headers.origin}`);
    }
    // DNS rebinding: the page's own host now points to this server.
    const scheme = server.app.url.protocol;
    for (const headers of [{}, { origin: `${scheme}//${evil}` }]) {
      const refused = await client.publish("hi", { ":authority": evil, ...headers });
      assertEquals(refused.status, 403);
      assertStringIncludes(refused.body, `does not accept the host ${evil}`);
    }
    const { body } = await client.request({ ":path": PATH });
    assertEquals(JSON.parse(body).messages.length, 2, host);
  });

  Deno.test(`${about}: a path that a URL parser would change gets 400`, async () => {
    await using server = await startTestApp({ engine }, { tls });
    await using client = await Client.connect(server.app.url.origin);
    for (const path of ["/x/../metrics", "/%2e/metrics", "/x\\..\\metrics"]) {
      assertEquals((await client.request({ ":path": path })).status, 400, path);
    }
    assertEquals((await client.request({ ":path": "/metrics" })).status, 200);
  });

  Deno.test(`${about}: a body that takes too long gets 408`, async () => {
    await using server = await startTestApp({ engine, requestTimeoutMs: 100 }, { tls });
    await using client = await Client.connect(server.app.url.origin);
    const late = await client.request(POST, "h", true);
    assertEquals(late.status, 408);
    assertEquals((await client.publish("hi")).status, 201);
  });
}

class Client implements AsyncDisposable {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  static async connect(origin: string): Promise<Client> {
    const session = connect(origin, { ca: FILES!.cert });
    await new Promise((resolve, reject) => session.once("connect", resolve).once("error", reject));
    return new Client(session);
  }

  publish(text: string, headers: Readonly<Record<string, string>> = {}): Promise<Http2Response> {
    return this.request({ ...POST, ...headers }, text);
  }

  /** Sends a request, whose body never ends if `isEndless` is set. */
  async request(
    headers: Readonly<Record<string, string>>,
    body = "",
    isEndless = false,
  ): Promise<Http2Response> {
    const stream = this.#session.request(headers, { endStream: false });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    stream.once("response", (response) => resolve(response[":status"]!)).once("error", reject);
    if (isEndless) stream.write(body);
    else stream.end(body);
    const status = await promise;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const part of stream) parts.push(part);
    return { status, body: await new Blob(parts).text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#session.destroyed) return;
    const closed = new Promise((resolve) => this.#session.once("close", resolve));
    this.#session.destroy();
    await closed;
  }
}
