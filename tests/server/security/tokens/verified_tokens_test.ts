import { assertEquals } from "@std/assert";
import { type Access, OPEN_ACCESS } from "../../../../lib/chat/access.ts";
import { VerifiedTokens } from "../../../../lib/server/security/tokens/verified_tokens.ts";

const SHORT: Access = { ...OPEN_ACCESS, expiresAtMs: 1000 };

Deno.test("VerifiedTokens.get() returns a token's access until it ends", () => {
  const verified = new VerifiedTokens();
  verified.add("a", SHORT);
  assertEquals(verified.get("a", 999), SHORT);
  assertEquals(verified.get("b", 999), undefined);
  assertEquals(verified.get("a", 1000), undefined);
  assertEquals(verified.get("a", 0), undefined);
});

Deno.test("VerifiedTokens.clear() forgets all", () => {
  const verified = new VerifiedTokens();
  verified.add("a", SHORT);
  verified.clear();
  assertEquals(verified.get("a", 0), undefined);
});

Deno.test("VerifiedTokens forgets the oldest tokens when they exceed 4 MiB", () => {
  const verified = new VerifiedTokens();
  const token = (index: number) => `${index}`.padEnd(1024 * 1024, "x");
  for (let index = 0; index < 4; index++) verified.add(token(index), SHORT);
  verified.add(token(0), SHORT);
  verified.add(token(4), SHORT);
  assertEquals(
    Array.from({ length: 5 }, (_, index) => verified.get(token(index), 0) !== undefined),
    [true, false, true, true, true],
  );
});
