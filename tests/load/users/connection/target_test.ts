import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseFlags } from "../../../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS } from "../../../../lib/load/config.ts";
import { CaCertError, targetOf } from "../../../../lib/load/users/connection/target.ts";

function parse(...args: string[]) {
  return parseFlags(CLIENT_FLAGS, { args });
}

Deno.test("targetOf() is the URL alone by default", async () => {
  assertEquals(await targetOf(parse().config), {
    url: "ws://127.0.0.1:8000/ws",
    headers: {},
    protocols: [],
    caCerts: undefined,
    isInsecure: false,
    lookup: undefined,
    localAddresses: [],
    deadlines: {
      pingIntervalMs: 5000,
      pongTimeoutMs: 5000,
      stallTimeoutMs: 0,
      closeTimeoutMs: 5000,
    },
  });
});

Deno.test("targetOf() makes one header of each --header, commas and colons included", async () => {
  const { config, faults } = parse("-H", "A: 1, 2", "--header=B:c:d", "--protocol", "x,y");
  const { headers, protocols } = await targetOf(config);
  assertEquals([faults, headers, protocols], [[], { a: "1, 2", b: "c:d" }, ["x", "y"]]);
});

Deno.test("targetOf() joins headers of one name, and --token replaces a header", async () => {
  const { config } = parse("-H", "A: 1", "-H", "a: 2", "-H", "AUTHORIZATION: x", "--token", "t");
  const { headers } = await targetOf(config);
  assertEquals(headers, { a: "1, 2", authorization: "Bearer t" });
});

for (
  const [flag, value] of [
    ["--header", "no colon"],
    ["--header", "bad name: 1"],
    ["--header", "Host: elsewhere"],
    ["--header", "sec-websocket-key: mine"],
    ["--header", "X: a\r\nY: b"],
    ["--origin", "a\nb"],
    ["--protocol", "a b"],
    ["--token", "a\r\nb"],
  ] as const
) {
  Deno.test(`CLIENT_FLAGS reject ${JSON.stringify(value)} for ${flag}`, () => {
    const { faults } = parse(flag, value);
    assertEquals([faults.length, faults[0]!.includes(flag)], [1, true]);
  });
}

Deno.test("targetOf() names the file of --cacert that cannot be read", async () => {
  const { config } = parse("--cacert", "/no/such/file");
  const error = await targetOf(config).catch((error) => error);
  assertEquals(error instanceof CaCertError, true);
  assertStringIncludes(error.message, "/no/such/file");
});

const CERTIFICATES = new URL("certificates/", import.meta.url).pathname;

for (
  const [file, text, reason] of [
    ["a key", await Deno.readTextFile(`${CERTIFICATES}key.pem`), "it contains a private key"],
    ["an empty file", "", "it contains no certificate in PEM"],
    ["DER", "0\x82\x01\x02", "it contains no certificate in PEM"],
    [
      "a damaged certificate",
      (await Deno.readTextFile(`${CERTIFICATES}good.pem`)).replace(/\n.*\n/, "\n"),
      "a certificate in it is damaged",
    ],
  ] as const
) {
  Deno.test(`targetOf() refuses ${file} as --cacert`, async () => {
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(path, text);
    const error = await targetOf(parse("--cacert", path).config).catch((error) => error);
    await Deno.remove(path);
    assertEquals(error instanceof CaCertError, true);
    assertEquals(
      error.message,
      `Cannot use the file of --cacert, because ${reason}: ${path}`,
    );
  });
}

Deno.test("targetOf() reads all certificates of --cacert", async () => {
  const path = await Deno.makeTempFile();
  const files = ["good.pem", "ca.pem"].map((name) => Deno.readTextFile(`${CERTIFICATES}${name}`));
  const text = `# two\n${(await Promise.all(files)).join("\n")}`;
  await Deno.writeTextFile(path, text);
  const { caCerts } = await targetOf(parse("--cacert", path).config);
  await Deno.remove(path);
  assertEquals(caCerts, text);
});
