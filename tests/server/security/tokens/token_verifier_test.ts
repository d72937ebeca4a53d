import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { JWTPayload } from "jose";
import type { Access } from "../../../../lib/chat/access.ts";
import { importSecret } from "../../../../lib/server/security/tokens/secret_file.ts";
import { TokenFault } from "../../../../lib/server/security/tokens/token_fault.ts";
import type { TokenKeys } from "../../../../lib/server/security/tokens/token_keys.ts";
import {
  TokenVerifier,
  type TokenVerifierOptions,
} from "../../../../lib/server/security/tokens/token_verifier.ts";
import { encodeToken, NOW, NOW_MS, SECRET, signWithSecret } from "./issuer.ts";

/** The keys of these secrets. Counts how often it is asked. */
class Secrets implements TokenKeys {
  readonly algorithms = ["HS256"];
  version = 1;
  findCount = 0;
  readonly secrets: string[];

  constructor(...secrets: string[]) {
    this.secrets = secrets;
  }

  find(): Promise<CryptoKey[]> {
    this.findCount++;
    const encoder = new TextEncoder();
    return Promise.all(this.secrets.map((each) => importSecret(encoder.encode(each), "verify")));
  }

  refreshIfOld(): void {}

  reload(): Promise<void> {
    return Promise.resolve();
  }
}

function verifierWith(options: Partial<TokenVerifierOptions> = {}): TokenVerifier {
  return new TokenVerifier({
    ...{ keys: new Secrets(SECRET), tokenAudience: "", tokenIssuer: "", maxTokenBytes: 4096 },
    readMs: () => NOW_MS,
    ...options,
  });
}

async function verify(token: string, options: Partial<TokenVerifierOptions> = {}) {
  return await verifierWith(options).verify(token);
}

/** Verifies claims of Ann. */
async function check(claims: JWTPayload, options: Partial<TokenVerifierOptions> = {}) {
  return await verify(await signWithSecret({ sub: "ann", ...claims }), options);
}

function assertFault(result: Access | TokenFault, message: string, status = 401): void {
  assert(result instanceof TokenFault, "there must be a fault");
  assertEquals([result.status, result.message], [status, message]);
  if (status !== 401) return;
  assertStringIncludes(result.headers["www-authenticate"]!, 'error="invalid_token"');
  assert(/^[ -~]*$/.test(result.headers["www-authenticate"]!));
}

function assertUser(result: Access | TokenFault, user = "ann"): void {
  assert(!(result instanceof TokenFault), "there must be access");
  assertEquals(result.user, user);
}

Deno.test("TokenVerifier accepts a token that is signed with any of the secrets", async () => {
  const other = SECRET.toUpperCase();
  const keys = new Secrets(other, SECRET);
  assertUser(await verify(await signWithSecret({ sub: "ann" }), { keys }));
  assertUser(await verify(await signWithSecret({ sub: "bob" }, other), { keys }), "bob");
});

Deno.test("TokenVerifier refuses a token whose signature is wrong", async () => {
  const message = "The token's signature is wrong: it was signed with another key, or changed";
  const token = await signWithSecret({ sub: "ann" });
  const [header, , signature] = token.split(".");
  const claims = encodeToken({}, { sub: "root" }).split(".")[1];
  assertFault(await verify(`${header}.${claims}.${signature}`), message);
  assertFault(await verify(await signWithSecret({ sub: "ann" }, SECRET.toUpperCase())), message);
  assertFault(await verify(encodeToken({ alg: "HS256" }, { sub: "ann" }, "AAAA")), message);
});

Deno.test("TokenVerifier refuses a token that is not signed", async () => {
  for (const alg of ["none", "None", "NONE"]) {
    assertFault(
      await verify(encodeToken({ alg }, { sub: "ann" })),
      "The token is not signed: this server accepts HS256",
    );
  }
});

Deno.test("TokenVerifier refuses other algorithms, also with the right secret", async () => {
  const long = SECRET.repeat(2);
  const keys = new Secrets(long);
  assertFault(
    await verify(await signWithSecret({ sub: "ann" }, long, "HS512"), { keys }),
    "The token is signed with HS512: this server accepts HS256",
  );
  assertFault(
    await verify(encodeToken({ alg: 'x"\r\n' }, { sub: "ann" })),
    "The token is signed with another algorithm: this server accepts HS256",
  );
});

Deno.test("TokenVerifier refuses what is not a token", async () => {
  const message = "The token is not a JSON Web Token in its compact form";
  for (
    const token of [
      ...["", "a", "a.b", "..", "a.b.c", "a.b.c.d", "\u00e4.b.c", "a.b.c.d.e"],
      encodeToken({}, { sub: "ann" }),
      encodeToken({ alg: 7 }, { sub: "ann" }),
      encodeToken({ alg: "HS256", kid: 7 }, { sub: "ann" }),
      encodeToken([], {}),
    ]
  ) assertFault(await verify(token), message);
  assertFault(await verify(await signWithSecret({ sub: "ann" }) + "!"), message);
});

Deno.test("TokenVerifier refuses an oversized token before it looks at it", async () => {
  const keys = new Secrets(SECRET);
  const token = await signWithSecret({ sub: "ann", pad: "x".repeat(200) });
  const message = `A token must not exceed ${token.length - 1} bytes (--max-token-bytes)`;
  assertFault(await verify(token, { keys, maxTokenBytes: token.length - 1 }), message, 431);
  assertEquals(keys.findCount, 0);
  assertUser(await verify(token, { keys, maxTokenBytes: token.length }));
});

Deno.test("TokenVerifier accepts an expired token for 30 s of skew", async () => {
  assertUser(await check({ exp: NOW + 1 }));
  assertUser(await check({ exp: NOW - 29 }));
  for (const exp of [NOW - 30, NOW - 3600]) {
    assertFault(await check({ exp }), "The token has expired: get a new one");
  }
});

Deno.test("TokenVerifier accepts a token up to 30 s before its nbf", async () => {
  assertUser(await check({ nbf: NOW + 30 }));
  assertFault(
    await check({ nbf: NOW + 31 }),
    "The token is not valid yet (nbf): wait, or correct the clock of the issuer",
  );
});

Deno.test("TokenVerifier refuses times that are not numbers", async () => {
  for (const claim of ["exp", "nbf", "iat"]) {
    assertFault(
      await check({ [claim]: "soon" } as JWTPayload),
      `The token's claim ${claim} must be a number`,
    );
  }
});

Deno.test("TokenVerifier accepts only tokens for its audience", async () => {
  const options = { tokenAudience: "chat" };
  assertUser(await check({ aud: "chat" }, options));
  assertUser(await check({ aud: ["shop", "chat"] }, options));
  assertFault(
    await check({ aud: ["shop", "bank"] }, options),
    "The token is for the audience shop, bank: this server's is chat",
  );
  assertFault(
    await check({}, options),
    "The token has no audience (aud): this server's is chat",
  );
});

Deno.test("TokenVerifier without an audience refuses tokens that have one", async () => {
  assertFault(
    await check({ aud: "sh\u00f6p" }),
    "The token is for the audience sh\u00f6p: this server has none (--token-audience)",
  );
  assertFault(
    await check({ aud: [] }),
    "The token is for the audience : this server has none (--token-audience)",
  );
});

Deno.test("TokenVerifier accepts only tokens of its issuer", async () => {
  const options = { tokenIssuer: "https://id.example" };
  assertUser(await check({ iss: "anyone" }));
  assertUser(await check({ iss: "https://id.example" }, options));
  assertFault(
    await check({ iss: "https://evil.example" }, options),
    "The token is from the issuer https://evil.example: this server accepts https://id.example",
  );
  assertFault(
    await check({}, options),
    "The token is from the issuer (missing): this server accepts https://id.example",
  );
});

Deno.test("TokenVerifier refuses a token whose claims are malformed", async () => {
  assertFault(
    await check({ sub: "" }),
    "The token's claim sub must be a text of 1 to 255 visible characters",
  );
});

Deno.test("TokenVerifier remembers accepted tokens until they expire or the keys change", async () => {
  const keys = new Secrets(SECRET);
  let nowMs = NOW_MS;
  const verifier = verifierWith({ keys, readMs: () => nowMs });
  const token = await signWithSecret({ sub: "ann", exp: NOW + 60 });
  const access = await verifier.verify(token);
  assertEquals([verifier.verify(token), keys.findCount], [access, 1]);
  keys.version++;
  assertUser(await verifier.verify(token));
  assertEquals(keys.findCount, 2);
  nowMs += 60_000 + 30_000;
  assertFault(await verifier.verify(token), "The token has expired: get a new one");
});

Deno.test("TokenVerifier does not remember refused tokens, nor those of old keys", async () => {
  const keys = new Secrets(SECRET.toUpperCase());
  const verifier = verifierWith({ keys });
  const token = await signWithSecret({ sub: "ann" });
  assert(await verifier.verify(token) instanceof TokenFault);
  keys.secrets[0] = SECRET;
  const verifying = verifier.verify(token);
  // The keys change while the signature is being verified.
  await Promise.resolve();
  keys.version++;
  verifier.verify("");
  assertUser(await verifying);
  keys.secrets[0] = SECRET.toUpperCase();
  assert(await verifier.verify(token) instanceof TokenFault);
});

Deno.test("TokenVerifier names a critical extension as the reason of its refusal", async () => {
  const token = encodeToken({ alg: "HS256", crit: ["x"], x: 1 }, { sub: "ann" }, "c2ln");
  assertFault(
    await verify(token),
    "The token's header demands an extension that this server does not know (crit)",
  );
});
