import { getLogger } from "@logtape/logtape";
import { Jwks } from "../../../lib/server/security/tokens/jwks.ts";
import { SecretFile } from "../../../lib/server/security/tokens/secret_file.ts";
import type { TokenKeys } from "../../../lib/server/security/tokens/token_keys.ts";
import { TokenVerifier } from "../../../lib/server/security/tokens/token_verifier.ts";
import { IssuerKey, SECRET, signWithSecret } from "../../server/security/tokens/issuer.ts";

const CLAIMS = { sub: "ann", name: "Ann", rooms: { read: ["team-*"], publish: ["team-*"] } };

/** Reads keys from a file that is deleted at once. */
async function keysFrom(
  content: string,
  open: (path: string) => Promise<TokenKeys>,
): Promise<TokenKeys> {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, content);
  try {
    return await open(path);
  } finally {
    await Deno.remove(path);
  }
}

function verifierOf(keys: TokenKeys): TokenVerifier {
  const options = { keys, tokenAudience: "", tokenIssuer: "", maxTokenBytes: 4096 };
  return new TokenVerifier({ ...options, readMs: Date.now });
}

function bench(alg: string, keys: TokenKeys, token: string): void {
  Deno.bench(`verify a token with ${alg}`, async () => {
    // A new verifier remembers no token.
    await verifierOf(keys).verify(token);
  });
}

const secrets = await keysFrom(SECRET, (path) => SecretFile.open(path));
const known = await signWithSecret(CLAIMS);
bench("HS256", secrets, known);
for (const alg of ["EdDSA", "RS256", "ES256"]) {
  const key = await IssuerKey.create(alg, "a");
  const options = { monotonicMs: () => performance.now(), logger: getLogger("bench") };
  const keys = await keysFrom(
    JSON.stringify({ keys: [key.jwk] }),
    (path) => Jwks.open(path, options),
  );
  bench(alg, keys, await key.sign(CLAIMS));
}

const verifier = verifierOf(secrets);
await verifier.verify(known);
Deno.bench("find a token that was verified before", () => {
  verifier.verify(known);
});
