import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { decodeJwt } from "jose";
import { JwksServer } from "../server/security/tokens/jwks_server.ts";
import { IssuerKey, SECRET } from "../server/security/tokens/issuer.ts";
import { portOf, Program } from "./program.ts";

async function withFile(content: string, act: (path: string) => Promise<void>) {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, content);
  try {
    await act(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("the server does not start without its secret or with a short one, and says why", async () => {
  await withFile("short", async (path) => {
    const reasons = [
      ["--token-secret-file", "/no/such/file", "Cannot read --token-secret-file /no/such/file: "],
      ["--token-secret-file", path, `Cannot use --token-secret-file ${path}: secret 1 has 5 bytes`],
      ["--token-jwks", path, `Cannot use --token-jwks ${path}: it is not JSON`],
    ] as const;
    for (const [flag, value, reason] of reasons) {
      await using server = Program.start("server", ["--port", "0", flag, value]);
      const { code, stdout, stderr } = await server.ended();
      assertEquals([code, stdout, stderr.length], [1, [], 1]);
      assertStringIncludes(stderr[0]!, reason);
    }
  });
});

Deno.test("SIGHUP reads the secrets again, and a wrong file leaves the old ones", async () => {
  await withFile(SECRET, async (path) => {
    await using server = Program.start("server", ["--port", "0", "--token-secret-file", path]);
    await portOf(server);
    server.signal("SIGHUP");
    await server.stdoutLine(/ INF The keys that verify tokens were read again$/);
    await Deno.writeTextFile(path, "");
    server.signal("SIGHUP");
    await server.stdoutLine(
      / ERR The old keys stay in use: Cannot use --token-secret-file .* empty/,
    );
    server.signal("SIGTERM");
    assertEquals((await server.ended()).code, 0);
  });
});

Deno.test("the server starts without the URL of its keys, says so, and gets them with SIGHUP", async () => {
  const key = await IssuerKey.create("ES256", "a");
  await using source = new JwksServer([key.jwk]);
  const { answer } = source;
  source.answer = () => new Response(null, { status: 404 });
  await using server = Program.start("server", ["--port", "0", "--token-jwks", source.url]);
  await server.stdoutLine(/ ERR No token can be verified: Cannot read .*: the status was 404$/);
  await portOf(server);
  source.answer = answer;
  server.signal("SIGHUP");
  await server.stdoutLine(/ INF The keys that verify tokens were read again$/);
  server.signal("SIGTERM");
  assertEquals((await server.ended()).code, 0);
});

Deno.test("`deno task token` prints a token", async () => {
  await withFile(SECRET, async (path) => {
    const flags = ["--token-secret-file", path, "--sub", "ann", "--rooms", "team-*", "--ttl", "1h"];
    await using program = Program.start("token", flags);
    const { code, stdout, stderr } = await program.ended();
    assertEquals([code, stdout.length, stderr], [0, 1, []]);
    const { iat, exp, ...claims } = decodeJwt(stdout[0]!);
    assertEquals(claims, { sub: "ann", rooms: { read: ["team-*"], publish: ["team-*"] } });
    assertEquals(exp! - iat!, 3600);
  });
});

Deno.test("`deno task token --help` lists all flags, and offers no other list", async () => {
  const printed = [];
  for (const args of [["--help"], ["-h"]]) {
    await using program = Program.start("token", args);
    const { code, stdout, stderr } = await program.ended();
    assertEquals([code, stderr], [0, []]);
    printed.push(stdout);
  }
  assertEquals(printed[0], printed[1]);
  const text = printed[0]!.join("\n");
  assertMatch(text, /^ {2}-h, --help +Print these flags and exit$/m);
  assertMatch(text, /^ {2}--token-secret-file FILE /m);
  await using unknown = Program.start("token", ["--utterly-else", "--help=false"]);
  const { code, stderr } = await unknown.ended();
  assertEquals([code, stderr[0]], [
    2,
    "Cannot start because there is no flag --utterly-else (--help lists them all)",
  ]);
});

Deno.test("`deno task token` says what is missing, and which file it cannot read", async () => {
  await using empty = Program.start("token", []);
  const { code, stderr } = await empty.ended();
  assertEquals([code, stderr], [2, [
    "Cannot sign a token without --token-secret-file",
    "Cannot sign a token without --sub",
  ]]);
  await using missing = Program.start("token", ["--token-secret-file", "/no/file", "--sub", "ann"]);
  const ending = await missing.ended();
  assertEquals([ending.code, ending.stdout], [1, []]);
  assertMatch(ending.stderr.join("\n"), /^Cannot read --token-secret-file \/no\/file: /);
});
