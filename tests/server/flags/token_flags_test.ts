import { assertEquals } from "@std/assert";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";
import { claimsOf, TOKEN_FLAGS, tokenFaults } from "../../../lib/server/flags/token_flags.ts";

function read(...args: string[]) {
  const { config, faults } = parseFlags(TOKEN_FLAGS, { args });
  assertEquals(faults, []);
  return config;
}

function claims(...args: string[]) {
  return claimsOf(read("--sub", "ann", ...args), 1_000_000_500);
}

Deno.test("claimsOf() gives a user everything for an hour", () => {
  assertEquals(claims(), { sub: "ann", iat: 1_000_000, exp: 1_003_600 });
  assertEquals(claims("--ttl", "0"), { sub: "ann", iat: 1_000_000 });
});

Deno.test("claimsOf() has the claims of the flags", () => {
  const args = ["--name", "Ann", "--audience", "chat", "--issuer", "me", "--ttl", "90s"];
  const times = { iat: 1_000_000, exp: 1_000_090 };
  assertEquals(claims(...args), { sub: "ann", name: "Ann", aud: "chat", iss: "me", ...times });
});

Deno.test("claimsOf() limits the rooms", () => {
  const { rooms: both } = claims("--rooms", "tea,team-*");
  assertEquals(both, { read: ["tea", "team-*"], publish: ["tea", "team-*"] });
  const { rooms: some } = claims("--rooms", "team-*", "--publish", "team-1");
  assertEquals(some, { read: ["team-*"], publish: ["team-1"] });
  const { rooms: all } = claims("--publish", "team-1");
  assertEquals(all, { read: ["*"], publish: ["team-1"] });
  const { rooms: none } = claims("--read-only");
  assertEquals(none, { read: ["*"], publish: [] });
});

Deno.test("TOKEN_FLAGS refuses a user that the server refuses", () => {
  for (const sub of [" ", "\u200b", "x".repeat(256)]) {
    assertEquals(parseFlags(TOKEN_FLAGS, { args: ["--sub", sub] }).faults.length, 1, sub);
  }
  assertEquals(read("--sub", "Ann Example").sub, "Ann Example");
});

Deno.test("tokenFaults() names what is missing or contradictory", () => {
  assertEquals(tokenFaults(read("--read-only", "--publish", "tea")), [
    "Cannot sign a token without --token-secret-file",
    "Cannot sign a token without --sub",
    "Cannot use --publish with --read-only",
  ]);
  assertEquals(tokenFaults(read("--sub", "ann", "--token-secret-file", "x")), []);
});

Deno.test("TOKEN_FLAGS refuse empty rooms, which would mean all", () => {
  for (const flag of ["--rooms", "--publish"]) {
    assertEquals(parseFlags(TOKEN_FLAGS, { args: [`${flag}=`] }).faults, [
      `Cannot start because ${flag} must be a room, or the beginning of rooms and a *: ` +
      `${flag} was ""`,
    ]);
  }
});
