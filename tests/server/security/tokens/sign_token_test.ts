import { assertEquals } from "@std/assert";
import { jwtVerify } from "jose";
import { signToken } from "../../../../lib/server/security/tokens/sign_token.ts";
import { SECRET } from "./issuer.ts";

Deno.test("signToken() signs with the first secret of the file", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, `${SECRET}\n${SECRET.toUpperCase()}\n`);
  const token = await signToken(path, { sub: "ann", rooms: { read: ["tea"] } });
  await Deno.remove(path);
  const { payload, protectedHeader } = await jwtVerify(token, new TextEncoder().encode(SECRET));
  assertEquals(payload, { sub: "ann", rooms: { read: ["tea"] } });
  assertEquals(protectedHeader, { alg: "HS256", typ: "JWT" });
});
