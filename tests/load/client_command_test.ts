import { assertEquals, assertRejects } from "@std/assert";
import { readCommand } from "../../lib/load/client_command.ts";
import { UsersFileError } from "../../lib/load/users/users_file.ts";

const NO_FILE = "--users=/no/such/file";

async function withUsers(count: number, test: (flag: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "{}\n".repeat(count));
    await test(`--users=${path}`);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("readCommand() reports all faults of the flags although it cannot read --users", async () => {
  const { faults, userLines } = await readCommand([
    ...[NO_FILE, "--rate=none", "--count=3", "--churn=1"],
  ]);
  assertEquals(faults, [
    'Cannot start because --rate must be a whole number from 0 to 1000000: --rate was "none"',
    "Cannot start because --count has no effect with --users: remove it",
    "Cannot start because --churn needs --rate, --stage, --verify, or --find-max: add one of them",
  ]);
  assertEquals(userLines, []);
});

Deno.test("readCommand() reads --users if no flag has a fault", async () => {
  await assertRejects(() => readCommand([NO_FILE]), UsersFileError, "/no/such/file");
});

Deno.test("readCommand() does not read --users for --help", async () => {
  const { config, faults } = await readCommand([NO_FILE, "--help"]);
  assertEquals([config.help, faults], ["common", []]);
});

Deno.test("readCommand() compares flags with the number of users in the file", async () => {
  // More than the 9 users without --users and --count.
  await withUsers(12, async (users) => {
    const { config, faults, userLines } = await readCommand([
      ...[users, "--rate=5", "--workers=11", "--rooms=10", "--senders=10"],
    ]);
    assertEquals([faults, config.count, userLines.length], [[], 12, 12]);
  });
  await withUsers(2, async (users) => {
    const { faults } = await readCommand([users, "--rate=5", "--workers=3", "--rooms=4"]);
    assertEquals(faults, [
      "Cannot start because --rooms must be at most --count: 4 rooms, 2 users",
      "Cannot start because --workers must be at most --count: 3 workers, 2 users",
    ]);
  });
});

Deno.test("readCommand() reports flags that do not fit --count among the other faults", async () => {
  const { faults } = await readCommand(["--rate=5", "--count=2", "--workers=3", "--no-reconnect"]);
  assertEquals(faults, [
    "Cannot start because --reconnect has no effect in a measured run: remove it",
    "Cannot start because --workers must be at most --count: 3 workers, 2 users",
  ]);
});
