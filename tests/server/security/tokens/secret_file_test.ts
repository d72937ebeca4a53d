import { assertEquals, assertRejects } from "@std/assert";
import { readSecrets, SecretFile } from "../../../../lib/server/security/tokens/secret_file.ts";
import { TokenKeyError } from "../../../../lib/server/security/tokens/token_keys.ts";
import { SECRET } from "./issuer.ts";

async function withFile(content: string | Uint8Array, act: (path: string) => Promise<void>) {
  const path = await Deno.makeTempFile();
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(path, bytes);
  try {
    await act(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("readSecrets() returns the lines without their ends, also on Windows", async () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const other = `${SECRET} `;
  for (
    const text of [`${SECRET}\n${other}`, `${SECRET}\r\n${other}\r\n`, `${SECRET}\n\n${other}\n`]
  ) {
    await withFile(text, async (path) => {
      assertEquals(await readSecrets(path), [encode(SECRET), encode(other)]);
    });
  }
});

const ADVICE = "; make one with `openssl rand -base64 48`";

const FAULTS: readonly [content: string | Uint8Array, reason: string][] = [
  ["", `it is empty${ADVICE}`],
  ["\n", `it is empty${ADVICE}`],
  [SECRET.slice(1), `secret 1 has 31 bytes, less than 32${ADVICE}`],
  [`${SECRET}\n `, `secret 2 has 1 byte, less than 32${ADVICE}`],
  [`${SECRET}\nshort`, `secret 2 has 5 bytes, less than 32${ADVICE}`],
  [`${SECRET}\n`.repeat(5), "it has 5 secrets, one per line, more than 4"],
  [new Uint8Array(32).fill(255), `a secret must be a line of text${ADVICE}`],
  [`-----BEGIN PUBLIC KEY-----\n${SECRET}`, `secret 1 has 26 bytes, less than 32${ADVICE}`],
];

for (const [content, reason] of FAULTS) {
  Deno.test(`readSecrets() refuses a file: ${reason}`, async () => {
    await withFile(content, async (path) => {
      const error = await assertRejects(() => readSecrets(path), TokenKeyError);
      assertEquals(error.message, `Cannot use --token-secret-file ${path}: ${reason}`);
    });
  });
}

Deno.test("readSecrets() names a file that it cannot read", async () => {
  await assertRejects(
    () => readSecrets("/no/such/file"),
    TokenKeyError,
    "Cannot read --token-secret-file /no/such/file: ",
  );
});

Deno.test("SecretFile.reload() keeps the old secrets if the file is wrong", async () => {
  await withFile(SECRET, async (path) => {
    const file = await SecretFile.open(path);
    const [key] = file.find();
    await Deno.writeTextFile(path, "short");
    await assertRejects(() => file.reload(), TokenKeyError);
    assertEquals([file.find(), file.version], [[key!], 1]);
    await Deno.writeTextFile(path, `${SECRET}2\n${SECRET}`);
    await file.reload();
    assertEquals([file.find().length, file.version], [2, 2]);
  });
});
