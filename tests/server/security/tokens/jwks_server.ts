import type { JWK } from "jose";

/** An issuer's HTTP server with a key set, on a free port. */
export class JwksServer implements AsyncDisposable {
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** How it answers. */
  answer: () => Response | Promise<Response>;
  requestCount = 0;

  constructor(keys: readonly JWK[]) {
    this.answer = () => Response.json({ keys });
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
      this.requestCount++;
      return this.answer();
    });
    this.url = `http://127.0.0.1:${this.#server.addr.port}/jwks.json`;
  }

  /** Serves other keys from now on. */
  rotate(keys: readonly JWK[]): void {
    this.answer = () => Response.json({ keys });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
