import { assert, assertEquals } from "@std/assert";
import { SessionKey } from "../../../lib/chat/members/session.ts";

const ID = "019b0000-0000-7000-8000-00000000000a";
const OTHER = "019b0000-0000-7000-8000-00000000000b";

Deno.test("SessionKey.idOf() accepts tokens signed with the same key", () => {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const key = new SessionKey(bytes);
  const token = key.tokenOf(ID);
  assert(token.startsWith(`${ID}.`));
  assertEquals(key.idOf(token), ID);
  assertEquals(new SessionKey(bytes).idOf(token), ID);
  assertEquals(new SessionKey().idOf(token), undefined);
});

Deno.test("SessionKey.idOf() rejects tokens of another member, truncated, changed, and forged ones", () => {
  const key = new SessionKey();
  const token = key.tokenOf(ID);
  const signature = token.split(".")[1]!;
  assert(signature !== key.tokenOf(OTHER).split(".")[1]);
  const forged = [
    "",
    ".",
    ID,
    `${ID}.`,
    `${OTHER}.${signature}`,
    token.slice(0, -1),
    `${token}=`,
    token.replace(signature[0]!, signature[0] === "a" ? "b" : "a"),
    `${ID}.${"é".repeat(signature.length)}`,
    `\0.${signature}`,
  ];
  for (const each of forged) assertEquals(key.idOf(each), undefined, each);
});
