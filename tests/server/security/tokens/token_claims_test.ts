import { assert, assertEquals } from "@std/assert";
import { accessOf } from "../../../../lib/server/security/tokens/token_claims.ts";
import { TokenFault } from "../../../../lib/server/security/tokens/token_fault.ts";
import { NOW, NOW_MS } from "./issuer.ts";

function access(claims: Record<string, unknown>) {
  const result = accessOf({ sub: "ann", ...claims }, NOW_MS);
  assert(!(result instanceof TokenFault));
  return result;
}

function fault(claims: Record<string, unknown>): string {
  const result = accessOf({ sub: "ann", ...claims }, NOW_MS);
  assert(result instanceof TokenFault);
  assertEquals(result.status, 401);
  return result.message;
}

Deno.test("accessOf() gives a token without other claims everything, forever", () => {
  const { user, name, expiresAtMs, mayRead, mayPublish } = access({});
  assertEquals([user, name, expiresAtMs], ["ann", null, Infinity]);
  assert(mayRead("tea") && mayPublish("tea"));
});

Deno.test("accessOf() limits access to the rooms of the claim", () => {
  const { mayRead, mayPublish } = access({
    rooms: { read: ["tea", "team-*"], publish: ["team-1"] },
  });
  assertEquals(["tea", "team-1", "team-2", "x"].map(mayRead), [true, true, true, false]);
  assertEquals(["tea", "team-1", "team-2", "x"].map(mayPublish), [false, true, false, false]);
});

Deno.test("accessOf() allows nothing that the claim rooms does not list", () => {
  const reader = access({ rooms: { read: ["*"] } });
  assertEquals([reader.mayRead("tea"), reader.mayPublish("tea")], [true, false]);
  const publisher = access({ rooms: { publish: ["*"] } });
  assertEquals([publisher.mayRead("tea"), publisher.mayPublish("tea")], [false, true]);
});

Deno.test("accessOf() ends access at exp, or after the skew for a token that arrives later", () => {
  assertEquals(access({ exp: NOW + 60 }).expiresAtMs, NOW_MS + 60_000);
  assertEquals(access({ exp: NOW - 10 }).expiresAtMs, NOW_MS + 20_000);
});

Deno.test("accessOf() normalizes the name", () => {
  assertEquals(access({ name: " Ann\u00a0 Lee" }).name, "Ann Lee");
});

Deno.test("accessOf() refuses malformed claims and says which", () => {
  const longest = "a".repeat(255);
  assertEquals(access({ sub: longest }).user, longest);
  for (const sub of [undefined, 7, "", "  ", "a\nb", "a\u200bb", `${longest}a`]) {
    assertEquals(
      fault({ sub }),
      "The token's claim sub must be a text of 1 to 255 visible characters",
    );
  }
  for (const name of [7, null, "", "a\u0000b", "a".repeat(65)]) {
    assertEquals(
      fault({ name }),
      "The token's claim name must be a text of 1 to 64 visible characters or spaces",
    );
  }
  for (
    const rooms of [
      ...[null, "tea", ["tea"], { read: "tea" }, { read: [7] }, { read: ["te*a"] }],
      { read: ["tea"], publish: null },
    ]
  ) {
    assert(fault({ rooms }).startsWith("The token's claim rooms must be"), JSON.stringify(rooms));
  }
});
