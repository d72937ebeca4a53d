import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  AdminToken,
  AdminTokenError,
  readAdminToken,
} from "../../../lib/server/security/admin_token.ts";

const TOKEN = "0123456789abcdef";

function isIn(authorization: string | undefined): boolean | undefined {
  return new AdminToken(TOKEN).isIn(
    new Headers(authorization === undefined ? {} : { authorization }),
  );
}

Deno.test("AdminToken.isIn() accepts only the token, as a bearer token", () => {
  assert(isIn(`Bearer ${TOKEN}`));
  assert(isIn(`bearer  ${TOKEN}`));
  const wrong = [undefined, "", TOKEN, "Bearer", `Basic ${TOKEN}`, `Bearer ${TOKEN}0`];
  for (const each of [...wrong, `Bearer ${TOKEN.slice(1)}`, `Bearer ${TOKEN}, Bearer x`]) {
    assertEquals(isIn(each), each === undefined ? undefined : false);
  }
});

/** Calls a function with the path of a file with this text. */
async function withFile(text: string, use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("readAdminToken() ignores spaces and line breaks around the token", () =>
  withFile(`\n${TOKEN}\r\n`, async (path) => {
    const token = await readAdminToken(path);
    assert(token!.isIn(new Headers({ authorization: `Bearer ${TOKEN}` })));
  }));

for (const text of ["", "short", "two words of some length", "Schlüsselschlüssel"]) {
  Deno.test(`readAdminToken() refuses ${JSON.stringify(text)}`, () =>
    withFile(text, async (path) => {
      const { message } = await assertRejects(() => readAdminToken(path), AdminTokenError);
      assertEquals(
        message,
        `Cannot use --admin-token-file ${path}: it must contain one token of at least 16 ` +
          "visible ASCII characters, such as from `openssl rand -hex 32`",
      );
    }));
}

Deno.test("readAdminToken() names the file that it cannot read", async () => {
  const { message } = await assertRejects(() => readAdminToken("/nowhere/x"), AdminTokenError);
  assert(message.startsWith("Cannot read --admin-token-file /nowhere/x: "), message);
});

Deno.test("readAdminToken() returns undefined without the flag", async () => {
  assertEquals(await readAdminToken(""), undefined);
});
