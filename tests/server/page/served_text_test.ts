import { assert, assertEquals } from "@std/assert";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { ServedText } from "../../../lib/server/page/served_text.ts";

const TEXT = "Ünïcode and more of it. ".repeat(100);

/** Asks for a text with these request headers. */
async function get(headers: Record<string, string>, served = new ServedText(TEXT, "js")) {
  const response = served.respond({ headers: new Headers(headers) }, { "x-added": "yes" });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes };
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The values of Accept-Encoding, and the encoding of the response. */
const CHOICES: readonly (readonly [accepted: string | undefined, encoding: string | null])[] = [
  ["gzip, deflate, br, zstd", "br"],
  ["gzip", "gzip"],
  ["GZIP;q=0.5", "gzip"],
  ["br;q=0, gzip", "gzip"],
  ["*", "br"],
  ["deflate", null],
  ["gzip;q=0, br;q=0", null],
  ["identity", null],
  ["", null],
  [undefined, null],
];

for (const [accepted, encoding] of CHOICES) {
  Deno.test(`respond() answers Accept-Encoding: ${accepted} with ${encoding ?? "the text as it is"}`, async () => {
    const { status, headers, bytes } = await get(
      accepted === undefined ? {} : { "accept-encoding": accepted },
    );
    assertEquals([status, headers.get("content-encoding")], [200, encoding]);
    const decompress = encoding === "br" ? brotliDecompressSync : gunzipSync;
    assertEquals(decode(encoding ? decompress(bytes) : bytes), TEXT);
    assertEquals(encoding !== null, bytes.length < TEXT.length);
    assertEquals(headers.get("vary"), "accept-encoding");
    assertEquals(headers.get("content-type"), "text/javascript; charset=utf-8");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("x-added"), "yes");
  });
}

Deno.test("respond() gives each encoding and each text its own etag, and answers 304 to it alone", async () => {
  const encodings = ["br", "gzip", "identity"];
  const etags = await Promise.all(
    encodings.map(async (each) => (await get({ "accept-encoding": each })).headers.get("etag")!),
  );
  assertEquals(new Set(etags).size, 3);
  for (const [index, encoding] of encodings.entries()) {
    for (const etag of etags) {
      const asked = { "accept-encoding": encoding, "if-none-match": etag };
      const { status, headers, bytes } = await get(asked);
      assertEquals(
        [status, bytes.length === 0],
        etag === etags[index] ? [304, true] : [200, false],
      );
      assertEquals([headers.get("etag"), headers.get("vary")], [etags[index], "accept-encoding"]);
      assertEquals(headers.get("x-added"), "yes");
    }
  }
  const other = await get({}, new ServedText(`${TEXT}!`, "js"));
  assert(!etags.includes(other.headers.get("etag")!));
});
