import { assertEquals } from "@std/assert";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";
import { configFaults, SERVER_FLAGS } from "../../../lib/server/config.ts";

/** All faults of a command line. */
function faultsOf(...args: string[]): readonly string[] {
  const { config, faults } = parseFlags(SERVER_FLAGS, { args });
  return [...faults, ...configFaults(config)];
}

const SECRET = ["--token-secret-file", "secret.txt"];

Deno.test("ACCESS_FLAGS accept one source of keys and what depends on it", () => {
  assertEquals(faultsOf(), []);
  assertEquals(faultsOf(...SECRET, "--anonymous", "read", "--token-cookie", "__Host-sid"), []);
  assertEquals(
    faultsOf("--token-jwks", "https://id.example/keys", "--token-audience=a", "--token-issuer=b"),
    [],
  );
});

Deno.test("ACCESS_FLAGS refuse two sources of keys", () => {
  assertEquals(faultsOf(...SECRET, "--token-jwks", "keys.json"), [
    "Cannot use --token-secret-file (CHORUS_TOKEN_SECRET_FILE) together with " +
    "--token-jwks (CHORUS_TOKEN_JWKS): choose one",
  ]);
});

Deno.test("ACCESS_FLAGS refuse what has no effect without keys", () => {
  const flags = [
    "--token-audience=a",
    "--token-issuer=b",
    "--token-cookie=c",
    "--anonymous=publish",
    "--max-token-bytes=1KiB",
  ];
  const names = [
    "--token-audience (CHORUS_TOKEN_AUDIENCE)",
    "--token-issuer (CHORUS_TOKEN_ISSUER)",
    "--token-cookie (CHORUS_TOKEN_COOKIE)",
    "--anonymous (CHORUS_ANONYMOUS)",
    "--max-token-bytes (CHORUS_MAX_TOKEN_BYTES)",
  ];
  assertEquals(
    faultsOf(...flags),
    names.map((name) =>
      `Cannot use ${name} without --token-secret-file (CHORUS_TOKEN_SECRET_FILE) ` +
      "or --token-jwks (CHORUS_TOKEN_JWKS): neither is set"
    ),
  );
});

Deno.test("ACCESS_FLAGS refuse a cookie that pages of all sites could use", () => {
  assertEquals(faultsOf(...SECRET, "--token-cookie", "sid", "--allow-origin", "*"), [
    "Cannot use --token-cookie (CHORUS_TOKEN_COOKIE) with --allow-origin * " +
    "(CHORUS_ALLOW_ORIGIN): pages of all sites could act as the user",
  ]);
});

Deno.test("ACCESS_FLAGS refuse cookie names and URLs that cannot be right", () => {
  assertEquals(faultsOf(...SECRET, "--token-cookie", "a;b"), [
    "Cannot start because --token-cookie must be the name of a cookie: " +
    '--token-cookie was "a;b"',
  ]);
  const file = "the path of a file, or";
  for (
    const [source, mustBe] of [
      ["https://ann:pw@id.example/keys", "a URL without a user and a password"],
      ["http://", `${file} a whole URL such as https://example.com/keys.json`],
      ["https:/id.example/keys", `${file} a whole URL such as https://example.com/keys.json`],
      ["file:///tmp/keys.json", `${file} an http or https URL`],
      ["ftp://id.example/keys", `${file} an http or https URL`],
    ] as const
  ) {
    assertEquals(faultsOf("--token-jwks", source), [
      `Cannot start because --token-jwks must be ${mustBe}: --token-jwks was "${source}"`,
    ]);
  }
  for (const source of ["HTTPS://id.example/keys", "C:/keys.json", "./a:b/keys.json", "a:b"]) {
    assertEquals(faultsOf("--token-jwks", source), []);
  }
});

Deno.test("ACCESS_FLAGS refuse a token that does not fit into the head", () => {
  const fault = (tokenSize: string, headSize: string, least: string) =>
    `Cannot use --max-token-bytes (CHORUS_MAX_TOKEN_BYTES) ${tokenSize} with --max-head-bytes ` +
    `(CHORUS_MAX_HEAD_BYTES) ${headSize}: the head contains the token, so it must be at least ` +
    `1KiB larger, which is ${least}`;
  const tokenFaults = (...args: string[]) => faultsOf(...SECRET, ...args);
  assertEquals(tokenFaults("--max-token-bytes=16KiB"), [fault("16KiB", "16KiB", "17KiB")]);
  assertEquals(tokenFaults("--max-token-bytes=15KiB"), []);
  assertEquals(tokenFaults("--max-token-bytes=16KiB", "--max-head-bytes=17KiB"), []);
  assertEquals(tokenFaults("--max-head-bytes=4KiB"), [fault("4KiB", "4KiB", "5KiB")]);
  assertEquals(tokenFaults("--max-token-bytes=16KiB", "--engine=serve"), []);
  assertEquals(faultsOf("--max-head-bytes=4KiB"), []);
});
