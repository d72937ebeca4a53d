import { assertEquals, assertRejects } from "@std/assert";
import { parseUsers, readUsersFile, UsersFileError } from "../../../lib/load/users/users_file.ts";

Deno.test("parseUsers() takes a user from each line that is not empty", () => {
  const text = '{"name":"Ann","room":"tea"}\r\n\n{"token":"t","headers":{"X-Tenant":"7"}}\n{}\n';
  assertEquals(parseUsers(text), {
    users: [{ name: "Ann", room: "tea" }, { token: "t", headers: { "x-tenant": "7" } }, {}],
  });
});

for (
  const [text, fault] of [
    ["", "it has no user"],
    ["\n \n", "it has no user"],
    ["{}\n{", "line 2 is not JSON"],
    ["[]", 'line 1 is not an object such as {"name":"Ann"}'],
    ["\n7", 'line 2 is not an object such as {"name":"Ann"}'],
    ['{"nme":"Ann"}', 'line 1 has an unknown field "nme"'],
    ['{"name":""}', 'line 1 has a "name" that is not a text'],
    ['{"room":7}', 'line 1 has a "room" that is not a text'],
    ['{"token":null}', 'line 1 has a "token" that is not a text'],
    ['{"token":"a\\nb"}', 'line 1 has a "token" with characters that a header cannot have'],
    ['{"headers":[]}', 'line 1 has "headers" that are not an object'],
    ['{"headers":{"X-A":1}}', 'line 1 has a header "X-A" that is not a text'],
    [
      '{"headers":{"Host":"a"}}',
      'line 1 has a header "Host" that is not a header that the handshake does not set itself',
    ],
  ] as const
) {
  Deno.test(`parseUsers() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(parseUsers(text), { fault });
  });
}

Deno.test("readUsersFile() names the file that cannot be read, and the reason", async () => {
  await assertRejects(
    () => readUsersFile("/no/such/file"),
    UsersFileError,
    "Cannot read the file of --users: /no/such/file (it does not exist)",
  );
});

Deno.test("readUsersFile() names the file with a wrong line", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "{}\nx\n");
  await assertRejects(
    () => readUsersFile(path),
    UsersFileError,
    `Cannot use the file of --users, because line 2 is not JSON: ${path}`,
  );
  await Deno.remove(path);
});
