import { assertEquals } from "@std/assert";
import {
  OriginCheck,
  parseAllowedOrigin,
  refusedOrigin,
} from "../../../lib/server/security/origin.ts";

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
  { host: "machine", hostname: "MACHINE", isAllowed: true },
  { host: "", isAllowed: true },
  ...wildcardCases(),
];

/** A `*` label is one or more labels of a host. */
function wildcardCases(): Case[] {
  const pattern = "https://*.example.com";
  const cases: readonly (readonly [pattern: string, origin: string, isAllowed: boolean])[] = [
    [pattern, "https://a.example.com", true],
    [pattern, "https://a.b.example.com", true],
    [pattern, "https://xn--bcher-kva.example.com", true],
    [pattern, "https://example.com", false],
    [pattern, "https://.example.com", false],
    [pattern, "https://evilexample.com", false],
    [pattern, "https://a.example.com.evil.example", false],
    [pattern, "https://evil.example/.example.com", false],
    [pattern, "https://evil.example#.example.com", false],
    [pattern, "https://evil.example?.example.com", false],
    [pattern, "https://user@a.example.com", false],
    [pattern, "https://a.example.com/", false],
    [pattern, "https://A.example.com", false],
    [pattern, "https://a.example.com:443", false],
    [pattern, "https://a.example.com:8443", false],
    [pattern, "http://a.example.com", false],
    [pattern, "null", false],
    [pattern, "", false],
    ["https://*.example.com:8443", "https://a.example.com:8443", true],
    ["https://label.example.com", "https://a.example.com", false],
    ["https://*.example.com:8443", "https://a.example.com", false],
    ["https://*.Bücher.example", "https://a.xn--bcher-kva.example", true],
    ["http://*.localhost:3000", "http://app.localhost:3000", true],
    ["https://Chat.Example:443/", "https://chat.example", true],
    ["https://bücher.example", "https://xn--bcher-kva.example", true],
    ["http://[0:0:0:0:0:0:0:1]:80", "http://[::1]", true],
  ];
  // DNS rebinding: a page may use its own host if it is one of those below the `*`.
  return [
    ...cases.map(([pattern, origin, isAllowed]) => ({ origin, allowOrigin: [pattern], isAllowed })),
    { host: "a.example.com", allowOrigin: [pattern], isAllowed: true },
    { host: "a.b.example.com:8000", allowOrigin: [pattern], isAllowed: true },
    { host: "example.com", allowOrigin: [pattern], isAllowed: false },
    { host: "evilexample.com", allowOrigin: [pattern], isAllowed: false },
    { host: "a.example.com.evil.example", allowOrigin: [pattern], isAllowed: false },
  ];
}

const NEVER_MATCH = [
  ...["", "null", "example.com", "*.example.com", "//example.com", "https:example.com"],
  ...["https://", "https://*", "http://*:8000", "https://*.", "https://*./", "https://**.example"],
  ...["https://foo*.example.com", "https://a.*.example.com", "https://*.*.example.com"],
  ...["https://label.*", "https://*example.com", "https://%2a.example.com", "https://*.0.0.1"],
  ...["https://*.[::1]", "https://*..example.com", "https://a..example", "https://.example.com"],
  ...[
    "https://example.com/path",
    "https://example.com//",
    "https://example.com?",
    "ftp://a.example",
  ],
  ...["https://example.com#", "https://user@example.com", "https://example.com:99999"],
  ...[
    "https://example.com:*",
    "ws://example.com",
    "file:///",
    "chrome-extension://abc",
    "https://%",
  ],
  ...[
    " https://example.com",
    "https://exa mple.com",
    "https://exam\tple.com",
    "https:\\\\a.example",
  ],
];

for (const text of NEVER_MATCH) {
  Deno.test(`parseAllowedOrigin() refuses ${JSON.stringify(text)}: no origin is like that`, () => {
    assertEquals(parseAllowedOrigin(text), undefined);
  });
}

for (const each of CASES) {
  const { origin, host = "localhost", boundTo = "127.0.0.1", allowOrigin = [], isAllowed } = each;
  const { hostname = boundTo } = each;
  const name = `${origin} at ${host} on ${hostname} (${boundTo}), allowing [${allowOrigin}]`;
  Deno.test(`refusedOrigin() ${isAllowed ? "accepts" : "refuses"} ${name}`, () => {
    const headers = new Headers(origin === undefined ? {} : { origin });
    const policy = {
      boundTo,
      hostname,
      allowOrigin: allowOrigin.map((o) => parseAllowedOrigin(o)!),
    };
    const refusal = refusedOrigin({ host, headers }, policy);
    assertEquals(refusal === undefined, isAllowed, refusal);
  });
}

Deno.test("OriginCheck.refused() is right whatever the request before was", () => {
  const policy = { boundTo: "127.0.0.1", hostname: "127.0.0.1", allowOrigin: [] };
  const check = new OriginCheck(policy);
  const requests = ["localhost:8000", "evil.example", ""].flatMap((host) =>
    [undefined, "http://localhost:8000", "http://evil.example"].map((origin) => ({
      host,
      headers: new Headers(origin === undefined ? {} : { origin }),
    }))
  );
  for (const before of requests) {
    for (const request of requests) {
      check.refused(before);
      assertEquals(check.refused(request), refusedOrigin(request, policy));
    }
  }
});
