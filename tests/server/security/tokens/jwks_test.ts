import { configure, getLogger, type LogRecord, reset } from "@logtape/logtape";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Jwks } from "../../../../lib/server/security/tokens/jwks.ts";
import { TokenFault } from "../../../../lib/server/security/tokens/token_fault.ts";
import { TokenKeyError } from "../../../../lib/server/security/tokens/token_keys.ts";
import { TokenVerifier } from "../../../../lib/server/security/tokens/token_verifier.ts";
import { encodeToken, IssuerKey, NOW_MS, signWithSecret } from "./issuer.ts";
import { JwksServer } from "./jwks_server.ts";

const UNKNOWN_KEY =
  "The token is signed with a key that this server does not know (kid): get a new one";
const AWAY = "The server cannot fetch the keys that verify tokens: try again later";

/** A verifier on a key set, and a clock that the test sets. */
async function open(source: string) {
  const clock = { nowMs: 0 };
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: { test: (record) => records.push(record) },
    loggers: [
      { category: "test", sinks: ["test"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["test"] },
    ],
  });
  const keys = await Jwks.open(source, {
    monotonicMs: () => clock.nowMs,
    logger: getLogger("test"),
  });
  const verifier = new TokenVerifier({
    ...{ keys, tokenAudience: "", tokenIssuer: "", maxTokenBytes: 4096, readMs: () => NOW_MS },
  });
  /** The user of a token, or why it has none. */
  const verify = async (token: string | Promise<string>) => {
    const access = await verifier.verify(await token);
    return access instanceof TokenFault ? `${access.status} ${access.message}` : access.user;
  };
  return {
    keys,
    clock,
    verify,
    logged: () => records.splice(0).map(({ message }) => message.join("")),
  };
}

async function withFile(content: string, act: (path: string) => Promise<void>) {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, content);
  try {
    await act(path);
  } finally {
    await Deno.remove(path);
    await reset();
  }
}

const ANN = { sub: "ann" };

/** A public key that is too short for RS256. */
async function shortRsaKey(): Promise<JsonWebKey> {
  const { publicKey } = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 1024,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: "SHA-256",
    },
    true,
    ["sign", "verify"],
  );
  const { kty, n, e } = await crypto.subtle.exportKey("jwk", publicKey);
  return { kty: kty!, n: n!, e: e! };
}

Deno.test("Jwks verifies RS256, ES256, and EdDSA, and none of the keys' other algorithms", async () => {
  const [rsa, ec, ed] = await Promise.all(
    ["RS256", "ES256", "EdDSA"].map((alg) => IssuerKey.create(alg, alg)),
  );
  await withFile(JSON.stringify({ keys: [rsa!.jwk, ec!.jwk, ed!.jwk] }), async (path) => {
    const { verify } = await open(path);
    for (const key of [rsa!, ec!, ed!]) assertEquals(await verify(key.sign(ANN)), "ann");
    assertEquals(await verify(ed!.sign(ANN, { alg: "Ed25519" })), "ann");
    const other = await IssuerKey.create("PS256", "RS256");
    const accepted = "this server accepts RS256, ES256, EdDSA, Ed25519";
    assertEquals(
      await verify(other.sign(ANN)),
      `401 The token is signed with PS256: ${accepted}`,
    );
    assertEquals(
      await verify(encodeToken({ alg: "none" }, ANN)),
      `401 The token is not signed: ${accepted}`,
    );
    // The key of one algorithm does not verify another.
    assertEquals(await verify(ec!.sign(ANN, { kid: "RS256" })), `401 ${UNKNOWN_KEY}`);
  });
});

Deno.test("Jwks never takes a public key as the secret of HS256", async () => {
  const key = await IssuerKey.create("RS256", "a");
  await withFile(JSON.stringify({ keys: [key.jwk] }), async (path) => {
    const { verify } = await open(path);
    for (const secret of [JSON.stringify(key.jwk), key.jwk.n!]) {
      assertStringIncludes(
        `${await verify(signWithSecret(ANN, secret))}`,
        "401 The token is signed with HS256",
      );
    }
  });
});

Deno.test("Jwks refuses the signature of another key with the same kid", async () => {
  const [key, forger] = await Promise.all([
    IssuerKey.create("ES256", "a"),
    IssuerKey.create("ES256", "a"),
  ]);
  await withFile(JSON.stringify({ keys: [key.jwk] }), async (path) => {
    const { verify } = await open(path);
    assertStringIncludes(`${await verify(forger.sign(ANN))}`, "401 The token's signature is wrong");
  });
});

Deno.test("Jwks finds the key of a token without kid only if there is one", async () => {
  const [one, two] = await Promise.all([IssuerKey.create("ES256"), IssuerKey.create("ES256")]);
  await withFile(JSON.stringify({ keys: [one.jwk] }), async (path) => {
    const { keys, verify } = await open(path);
    assertEquals(await verify(one.sign(ANN)), "ann");
    await Deno.writeTextFile(path, JSON.stringify({ keys: [one.jwk, two.jwk] }));
    await keys.reload();
    assertEquals(
      await verify(one.sign(ANN)),
      "401 The token does not say which of several keys has signed it: its header needs a kid",
    );
  });
});

Deno.test("Jwks accepts no token with a kid for a key without one, even if it is the only key", async () => {
  const key = await IssuerKey.create("ES256");
  await withFile(JSON.stringify({ keys: [key.jwk] }), async (path) => {
    const { verify } = await open(path);
    assertEquals(await verify(key.sign(ANN, { kid: "one" })), `401 ${UNKNOWN_KEY}`);
  });
});

Deno.test("Jwks ignores keys that are not for tokens", async () => {
  const key = await IssuerKey.create("ES256", "good");
  const { jwk } = key;
  const ignored = [
    ...[null, 7, {}, { kty: "oct", k: "AAAA" }, { ...jwk, x: "AA" }],
    { ...jwk, use: "enc" },
    { ...jwk, key_ops: ["sign"] },
    { ...jwk, alg: "ES384" },
    { ...jwk, crv: "P-384" },
    await key.exportPrivate(),
    await shortRsaKey(),
  ];
  await withFile(JSON.stringify({ keys: ignored }), async (path) => {
    const error = await assertRejects(() => open(path), TokenKeyError);
    assertEquals(
      error.message,
      `Cannot use --token-jwks ${path}: it has no public key for RS256, ES256, or EdDSA`,
    );
    await Deno.writeTextFile(path, JSON.stringify({ keys: [...ignored, jwk] }));
    const { verify } = await open(path);
    assertEquals(await verify(key.sign(ANN)), "ann");
  });
});

Deno.test("Jwks.open() rejects if a file is missing or not a key set", async () => {
  await assertRejects(() => open("/no/such/file"), TokenKeyError, "Cannot read --token-jwks /no");
  for (
    const [content, reason] of [["x", "not JSON"], ["[]", "not a key set"], ["null", "not a key"]]
  ) {
    await withFile(content!, async (path) => {
      await assertRejects(() => open(path), TokenKeyError, `--token-jwks ${path}: it is ${reason}`);
    });
  }
});

Deno.test("Jwks reads the set again for an unknown kid, at most every ten seconds", async () => {
  const [old, next] = await Promise.all([
    IssuerKey.create("ES256", "old"),
    IssuerKey.create("ES256", "next"),
  ]);
  await using server = new JwksServer([old.jwk]);
  const { clock, verify } = await open(server.url);
  assertEquals(await verify(old.sign(ANN)), "ann");
  server.rotate([next.jwk]);
  clock.nowMs = 9999;
  assertEquals(await verify(next.sign(ANN)), `401 ${UNKNOWN_KEY}`);
  assertEquals(server.requestCount, 1);
  clock.nowMs = 10_000;
  const tokens = await Promise.all([next.sign(ANN), next.sign({ sub: "bob" }), next.sign(ANN)]);
  assertEquals(await Promise.all(tokens.map(verify)), ["ann", "bob", "ann"]);
  assertEquals(server.requestCount, 2);
  // The set has lost the old key, and with it the tokens that were verified before.
  assertEquals(await verify(old.sign(ANN)), `401 ${UNKNOWN_KEY}`);
  assertEquals(server.requestCount, 2);
  await reset();
});

Deno.test("Jwks reads a file again for an unknown kid", async () => {
  const [old, next] = await Promise.all([
    IssuerKey.create("EdDSA", "old"),
    IssuerKey.create("EdDSA", "next"),
  ]);
  await withFile(JSON.stringify({ keys: [old.jwk] }), async (path) => {
    const { clock, verify } = await open(path);
    await Deno.writeTextFile(path, JSON.stringify({ keys: [old.jwk, next.jwk] }));
    clock.nowMs = 10_000;
    assertEquals(await verify(next.sign(ANN)), "ann");
    assertEquals(await verify(old.sign(ANN)), "ann");
  });
});

Deno.test("Jwks keeps its keys while the source cannot be read, and says so", async () => {
  const [key, next] = await Promise.all([
    IssuerKey.create("ES256", "a"),
    IssuerKey.create("ES256", "b"),
  ]);
  await using server = new JwksServer([key.jwk]);
  const { clock, verify, logged } = await open(server.url);
  const answers = [
    [() => new Response("down", { status: 502 }), "the status was 502"],
    [() => new Response("<html>"), "it is not JSON"],
    [() => new Response("x".repeat(300_000)), "it is longer than 262144 bytes"],
    [() => Response.json({ keys: [] }), "it has no public key"],
  ] as const;
  for (const [answer, reason] of answers) {
    server.answer = answer;
    clock.nowMs += 10_000;
    assertEquals(await verify(next.sign(ANN)), `503 ${AWAY}`);
    assertEquals(await verify(key.sign(ANN)), "ann");
    const [line, ...rest] = logged();
    assertStringIncludes(line!, "The old keys stay in use: Cannot ");
    assertStringIncludes(line!, `--token-jwks ${server.url}: ${reason}`);
    assertEquals(rest, []);
  }
  server.rotate([key.jwk, next.jwk]);
  clock.nowMs += 10_000;
  assertEquals(await verify(next.sign(ANN)), "ann");
  await reset();
});

Deno.test("Jwks.open() starts without a source that cannot be read, and gets the keys later", async () => {
  const key = await IssuerKey.create("ES256", "a");
  await using server = new JwksServer([key.jwk]);
  const { answer } = server;
  server.answer = () => new Response(null, { status: 503 });
  const { clock, verify, logged } = await open(server.url);
  assertStringIncludes(logged()[0]!, "No token can be verified: Cannot read --token-jwks http:");
  assertEquals(await verify(key.sign(ANN)), `503 ${AWAY}`);
  server.answer = answer;
  clock.nowMs = 10_000;
  assertEquals(await verify(key.sign(ANN)), "ann");
  await reset();
});

Deno.test("Jwks verifies with its keys while a slow source is being read", async () => {
  const key = await IssuerKey.create("ES256", "a");
  await using server = new JwksServer([key.jwk]);
  const { clock, verify } = await open(server.url);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  server.answer = () => {
    asked.resolve();
    return answer.promise;
  };
  clock.nowMs = 10_000;
  const waiting = verify(key.sign(ANN, { kid: "unknown" }));
  await asked.promise;
  assertEquals(await verify(key.sign(ANN)), "ann");
  answer.resolve(Response.json({ keys: [key.jwk] }));
  assertEquals(await waiting, `401 ${UNKNOWN_KEY}`);
  await reset();
});

Deno.test("Jwks reads the set again after ten minutes, so that a removed key is no longer trusted", async () => {
  const [old, next] = await Promise.all([
    IssuerKey.create("ES256", "old"),
    IssuerKey.create("ES256", "next"),
  ]);
  await using server = new JwksServer([old.jwk]);
  const { clock, keys, verify } = await open(server.url);
  assertEquals(await verify(old.sign(ANN)), "ann");
  const answered = Promise.withResolvers<void>();
  server.answer = () => {
    answered.resolve();
    return Response.json({ keys: [next.jwk] });
  };
  clock.nowMs = 10 * 60_000 + 1;
  // Nobody waits for this read.
  assertEquals(await verify(old.sign({ sub: "bob" })), "bob");
  await answered.promise;
  // An unknown key waits for the read under way.
  assertEquals(await verify(next.sign(ANN)), "ann");
  assertEquals([await verify(old.sign(ANN)), keys.version], [`401 ${UNKNOWN_KEY}`, 2]);
  assert(server.requestCount === 2);
  await reset();
});

Deno.test("Jwks reads the set again while only remembered tokens arrive", async () => {
  const [old, next] = await Promise.all([
    IssuerKey.create("ES256", "old"),
    IssuerKey.create("ES256", "next"),
  ]);
  await using server = new JwksServer([old.jwk]);
  const { clock, keys, verify } = await open(server.url);
  const token = await old.sign(ANN);
  assertEquals(await verify(token), "ann");
  server.rotate([next.jwk]);
  clock.nowMs = 10 * 60_000;
  assertEquals(await verify(token), "ann");
  assertEquals(server.requestCount, 1);
  clock.nowMs++;
  for (let turn = 0; keys.version === 1 && turn < 10_000; turn++) {
    assertEquals(await verify(token), "ann");
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(await verify(token), `401 ${UNKNOWN_KEY}`);
  assertEquals(server.requestCount, 2);
  await reset();
});

Deno.test("Jwks does not replace keys with those of an older read", async () => {
  const [old, next] = await Promise.all([
    IssuerKey.create("ES256", "old"),
    IssuerKey.create("ES256", "next"),
  ]);
  await using server = new JwksServer([old.jwk]);
  const { keys, verify, logged } = await open(server.url);
  for (const late of [Response.json({ keys: [old.jwk] }), new Response(null, { status: 500 })]) {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    server.answer = () => {
      asked.resolve();
      return answer.promise;
    };
    const older = keys.reload();
    await asked.promise;
    server.rotate([next.jwk]);
    await keys.reload();
    answer.resolve(late);
    await older.catch(() => {});
    assertEquals(await verify(next.sign(ANN)), "ann");
    assertEquals(await verify(old.sign(ANN)), `401 ${UNKNOWN_KEY}`);
  }
  assertEquals(logged(), []);
  await reset();
});
