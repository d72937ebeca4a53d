import { assert, assertEquals } from "@std/assert";
import { findToken } from "../../../../lib/server/security/tokens/request_token.ts";
import { TokenFault } from "../../../../lib/server/security/tokens/token_fault.ts";

function find(headers: Record<string, string>, cookieName = "sid") {
  const found = findToken(new Headers(headers), cookieName);
  return found instanceof TokenFault ? [found.status, found.message] : found;
}

const CASES: readonly [headers: Record<string, string>, token: string | undefined][] = [
  [{}, undefined],
  [{ "sec-websocket-protocol": "chorus.v1, chorus.token.a.b.c" }, "a.b.c"],
  [{ "sec-websocket-protocol": "chorus.token.a.b.c,chorus.plain" }, "a.b.c"],
  [{ "sec-websocket-protocol": "chorus.v1" }, undefined],
  [{ authorization: "Bearer a.b.c" }, "a.b.c"],
  [{ authorization: "bearer a.b.c" }, "a.b.c"],
  [{ authorization: "Basic dXNlcjpwYXNz" }, undefined],
  [{ cookie: "theme=dark; sid=a.b.c" }, "a.b.c"],
  [{ cookie: 'sid="a.b.c"' }, "a.b.c"],
  [{ cookie: "sid=; other=x" }, undefined],
  [{ cookie: "xsid=a.b.c; SID=d.e.f" }, undefined],
  [{ authorization: "Bearer a.b.c", "sec-websocket-protocol": "chorus.token.a.b.c" }, "a.b.c"],
  [{ authorization: "Bearer a.b.c", cookie: "sid=d.e.f" }, "a.b.c"],
  [{ authorization: "Basic dXNlcjpwYXNz", cookie: "sid=d.e.f" }, "d.e.f"],
];

for (const [headers, token] of CASES) {
  Deno.test(`findToken() finds ${token} in ${JSON.stringify(headers)}`, () => {
    assertEquals(find(headers), token);
  });
}

Deno.test("findToken() refuses different tokens in one request", () => {
  const fault = [400, "The request has different tokens: send one"];
  assertEquals(
    find({ authorization: "Bearer a", "sec-websocket-protocol": "chorus.token.b" }),
    fault,
  );
  assertEquals(find({ "sec-websocket-protocol": "chorus.token.a, chorus.token.b" }), fault);
  assertEquals(find({ cookie: "sid=a; sid=b" }), fault);
});

Deno.test("findToken() refuses a malformed Authorization header", () => {
  for (const authorization of ["Bearer", "Bearer a b", "Bearer a, Bearer a", "Bearer \u00e4"]) {
    assertEquals(find({ authorization }), [
      400,
      "The Authorization header must be `Bearer`, a space, and one token",
    ]);
  }
  const fault = findToken(new Headers({ authorization: "Bearer" }), "");
  assert(fault instanceof TokenFault);
  assert(
    fault.headers["www-authenticate"]!.startsWith('Bearer realm="chorus", error="invalid_request"'),
  );
});

Deno.test("findToken() ignores cookies without --token-cookie", () => {
  assertEquals(find({ cookie: "sid=a.b.c; =x" }, ""), undefined);
});

Deno.test("findToken() ignores the cookie of a request that another site caused without an Origin", () => {
  const cookie = "sid=a.b.c";
  for (const site of ["cross-site", "same-site"]) {
    assertEquals(find({ cookie, "sec-fetch-site": site }), undefined);
    // Such an origin has passed the origin check.
    const origin = "https://app.example.com";
    assertEquals(find({ cookie, "sec-fetch-site": site, origin }), "a.b.c");
  }
  for (const site of ["same-origin", "none"]) {
    assertEquals(find({ cookie, "sec-fetch-site": site }), "a.b.c");
  }
});
