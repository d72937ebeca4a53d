import { assert, assertEquals } from "@std/assert";
import { createHmac } from "node:crypto";
import { SessionKey } from "../../../lib/chat/members/session.ts";

const ID = "019b0000-0000-7000-8000-00000000000a";
const OTHER = "019b0000-0000-7000-8000-00000000000b";

Deno.test("SessionKey.idOf() accepts tokens signed with the same key", () => {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const key = new SessionKey(bytes);
  const token = key.tokenOf(ID, null);
  assert(token.startsWith(`${ID}.`));
  assertEquals(key.idOf(token, null), ID);
  assertEquals(new SessionKey(bytes).idOf(token, null), ID);
  assertEquals(new SessionKey().idOf(token, null), undefined);
});

Deno.test("SessionKey.idOf() accepts a token only for the user that got it", () => {
  const bytes = new Uint8Array(32);
  const key = new SessionKey(bytes);
  const users = [null, "ann", "bob"];
  for (const owner of users) {
    const token = key.tokenOf(ID, owner);
    for (const user of users) {
      assertEquals(key.idOf(token, user), user === owner ? ID : undefined, `${owner} ${user}`);
    }
  }
  // The user must not be moved into the id.
  const [, signature] = key.tokenOf(ID, "ann").split(".");
  assertEquals(key.idOf(`${ID} ann.${signature}`, null), undefined);
});

Deno.test("SessionKey issues the tokens of earlier versions to clients without a user", () => {
  const signature = createHmac("sha256", new Uint8Array(32)).update(ID).digest("base64url");
  assertEquals(new SessionKey(new Uint8Array(32)).tokenOf(ID, null), `${ID}.${signature}`);
});

Deno.test("SessionKey.idOf() rejects tokens of another member, truncated, changed, and forged ones", () => {
  const key = new SessionKey();
  const token = key.tokenOf(ID, null);
  const signature = token.split(".")[1]!;
  assert(signature !== key.tokenOf(OTHER, null).split(".")[1]);
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
  for (const each of forged) assertEquals(key.idOf(each, null), undefined, each);
});
