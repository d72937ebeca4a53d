import { ifNoneMatch } from "@std/http/etag";
import { acceptsEncodings } from "@std/http/negotiation";
import { createHash } from "node:crypto";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** A kind of text that the page consists of. */
export type TextKind = "css" | "html" | "js";

/** A text that browsers get. It is compressed once, when the first client asks for it. */
export class ServedText {
  readonly #text: string;
  readonly #kind: TextKind;
  readonly #digest: string;
  readonly #compressed = new Map<Encoding, Uint8Array<ArrayBuffer>>();

  constructor(text: string, kind: TextKind) {
    this.#text = text;
    this.#kind = kind;
    this.#digest = digestOf(text);
  }

  /**
   * Creates the response to a GET or HEAD request: 304 if the client's copy is current.
   *
   * @param headers Added to the response.
   */
  respond(
    request: { readonly headers: Headers },
    headers: Readonly<Record<string, string>>,
  ): Response {
    const encoding = chooseEncoding(request);
    const etag = encoding ? `"${this.#digest}-${encoding}"` : `"${this.#digest}"`;
    const common = { ...headers, etag, vary: "accept-encoding" };
    if (!ifNoneMatch(request.headers.get("if-none-match"), etag)) {
      return new Response(null, { status: 304, headers: common });
    }
    return new Response(encoding ? this.#compress(encoding) : this.#text, {
      headers: {
        ...common,
        ...(encoding ? { "content-encoding": encoding } : {}),
        "content-type": CONTENT_TYPES[this.#kind],
        "x-content-type-options": "nosniff",
      },
    });
  }

  #compress(encoding: Encoding): Uint8Array<ArrayBuffer> {
    const compressed = this.#compressed.get(encoding) ??
      new Uint8Array(COMPRESS[encoding](new TextEncoder().encode(this.#text)));
    this.#compressed.set(encoding, compressed);
    return compressed;
  }
}

/** A digest of a text, for URLs and etags. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

const CONTENT_TYPES: Readonly<Record<TextKind, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** The encodings, the smallest result first. */
const ENCODINGS = ["br", "gzip"] as const;
type Encoding = typeof ENCODINGS[number];

/**
 * Compresses on the event loop, as Deno has no function that does not. So the best quality of
 * Brotli would cost too much: for a tenth less than this, the chat would wait 30 times as long.
 */
const COMPRESS: Readonly<Record<Encoding, (bytes: Uint8Array) => Uint8Array>> = {
  br: (bytes) =>
    brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_QUALITY]: 6,
      },
    }),
  gzip: (bytes) => gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }),
};

/** Undefined if the client wants the text as it is. */
function chooseEncoding(request: { readonly headers: Headers }): Encoding | undefined {
  // Without the header, a client accepts everything, but it hardly decodes everything.
  if (!request.headers.get("accept-encoding")) return undefined;
  return ENCODINGS.find((encoding) => acceptsEncodings(request, encoding) === encoding);
}
