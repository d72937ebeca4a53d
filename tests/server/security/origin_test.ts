import { assertEquals } from "@std/assert";
import { refusedOrigin } from "../../../lib/server/security/origin.ts";

interface Case {
  readonly origin?: string;
  readonly host?: string;
  /** The address that the server is bound to. */
  readonly boundTo?: string;
  readonly hostname?: string;
  readonly allowOrigin?: string[];
  readonly isAllowed: boolean;
}

const CASES: readonly Case[] = [
  { isAllowed: true },
  { origin: "http://127.0.0.1:8000", host: "127.0.0.1:8000", isAllowed: true },
  { origin: "http://localhost:8000", host: "localhost:8000", isAllowed: true },
  { origin: "http://[::1]:8000", host: "[::1]:8000", boundTo: "::1", isAllowed: true },
  { origin: "https://localhost", host: "localhost", isAllowed: true },
  { origin: "https://localhost", host: "localhost:443", isAllowed: true },
  { origin: "http://localhost:8000", host: "127.0.0.1:8000", isAllowed: false },
  { origin: "http://localhost:9000", host: "localhost:8000", isAllowed: false },
  { origin: "http://evil.example", host: "127.0.0.1:8000", isAllowed: false },
  { origin: "null", host: "127.0.0.1:8000", isAllowed: false },
  { origin: "", host: "127.0.0.1:8000", isAllowed: false },
  { origin: "file://127.0.0.1:8000", host: "127.0.0.1:8000", isAllowed: false },
  { origin: "http://localhost:8000", host: "%", isAllowed: false },
  // DNS rebinding: the page and the Host header have the same name, which now points here.
  { origin: "http://evil.example:8000", host: "evil.example:8000", isAllowed: false },
  { origin: "http://127.0.0.1.evil.example", host: "127.0.0.1.evil.example", isAllowed: false },
  { host: "evil.example:8000", isAllowed: false },
  { host: "evil.example:8000", boundTo: "0.0.0.0", isAllowed: true },
  { host: "evil.example:8000", boundTo: "::ffff:7f00:1", isAllowed: false },
  { host: "evil.example:8000", boundTo: "::ffff:127.0.0.1", isAllowed: false },
  { host: "localhost", isAllowed: true },
  { host: "machine", hostname: "machine", isAllowed: true },
  { host: "chat.example", allowOrigin: ["https://chat.example"], isAllowed: true },
  { host: "chat.example", allowOrigin: ["*"], isAllowed: true },
  { origin: "http://chat.example", host: "chat.example", boundTo: "0.0.0.0", isAllowed: true },
  { origin: "http://evil.example", host: "chat.example", boundTo: "0.0.0.0", isAllowed: false },
  {
    origin: "https://a.example",
    host: "localhost",
    allowOrigin: ["https://b.example", "https://A.example"],
    isAllowed: true,
  },
  {
    origin: "http://a.example",
    host: "localhost",
    allowOrigin: ["https://a.example"],
    isAllowed: false,
  },
  { origin: "null", host: "localhost", allowOrigin: ["*"], isAllowed: true },
];

for (const each of CASES) {
  const { origin, host = "localhost", boundTo = "127.0.0.1", allowOrigin = [], isAllowed } = each;
  const { hostname = boundTo } = each;
  const name = `${origin} at ${host} on ${hostname} (${boundTo}), allowing [${allowOrigin}]`;
  Deno.test(`refusedOrigin() ${isAllowed ? "accepts" : "refuses"} ${name}`, () => {
    const headers = new Headers({ host, ...(origin === undefined ? {} : { origin }) });
    const refusal = refusedOrigin(headers, { boundTo, hostname, allowOrigin });
    assertEquals(refusal === undefined, isAllowed, refusal);
  });
}
