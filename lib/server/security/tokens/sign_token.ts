import { type JWTPayload, SignJWT } from "jose";
import { importSecret, readSecrets } from "./secret_file.ts";

/**
 * Signs a token with HS256 and the first secret of a file, as the issuer would.
 *
 * @throws {TokenKeyError} If the file cannot be read or used.
 */
export async function signToken(secretPath: string, claims: JWTPayload): Promise<string> {
  const [newest] = await readSecrets(secretPath);
  const key = await importSecret(newest!, "sign");
  return await new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(key);
}
