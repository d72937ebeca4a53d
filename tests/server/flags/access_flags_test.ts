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
  ];
  const names = [
    "--token-audience (CHORUS_TOKEN_AUDIENCE)",
    "--token-issuer (CHORUS_TOKEN_ISSUER)",
    "--token-cookie (CHORUS_TOKEN_COOKIE)",
    "--anonymous (CHORUS_ANONYMOUS)",
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
  for (const url of ["https://ann:pw@id.example/keys", "http://"]) {
    assertEquals(faultsOf("--token-jwks", url), [
      "Cannot start because --token-jwks must be a file, or a URL without a " +
      `user: --token-jwks was "${url}"`,
    ]);
  }
});
