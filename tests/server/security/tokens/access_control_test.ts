import { getLogger } from "@logtape/logtape";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { OPEN_ACCESS } from "../../../../lib/chat/access.ts";
import {
  type AccessConfig,
  AccessControl,
} from "../../../../lib/server/security/tokens/access_control.ts";
import { TokenFault } from "../../../../lib/server/security/tokens/token_fault.ts";
import { TokenKeyError } from "../../../../lib/server/security/tokens/token_keys.ts";
import { NOW_MS, SECRET, signWithSecret } from "./issuer.ts";

const OPTIONS = { logger: getLogger("test"), readMs: () => NOW_MS, monotonicMs: () => 0 };

const CONFIG: AccessConfig = {
  ...{ tokenSecretFile: "", tokenJwks: "", tokenAudience: "", tokenIssuer: "", tokenCookie: "" },
  anonymous: "none",
  maxTokenBytes: 4096,
};

/** An access control with the secret of the tests, whose file is deleted. */
async function open(config: Partial<AccessConfig> = {}): Promise<AccessControl> {
  const tokenSecretFile = await Deno.makeTempFile();
  await Deno.writeTextFile(tokenSecretFile, SECRET);
  try {
    return await AccessControl.open({ ...CONFIG, tokenSecretFile, ...config }, OPTIONS);
  } finally {
    await Deno.remove(tokenSecretFile);
  }
}

const bearer = (token: string) => new Headers({ authorization: `Bearer ${token}` });

/** What clients without a token get in a room. */
async function anonymous(config: Partial<AccessConfig>) {
  const control = await open(config);
  const access = control.authenticate(new Headers());
  assert(!(access instanceof Promise) && !(access instanceof TokenFault));
  return [access.user, access.mayRead("tea"), access.mayPublish("tea")];
}

Deno.test("AccessControl without keys gives everybody the same access at once, also with a token", async () => {
  const control = await AccessControl.open(CONFIG, OPTIONS);
  assertEquals(control.usesTokens, false);
  assert(control.authenticate(new Headers()) === OPEN_ACCESS);
  assert(control.authenticate(bearer("nonsense")) === OPEN_ACCESS);
  const renewed = await control.renew("a.b.c", null);
  assert(renewed instanceof TokenFault && renewed.message === "This server does not use tokens");
  await control.reload();
});

Deno.test("AccessControl refuses clients without a token and says how to send one", async () => {
  const control = await open({ tokenCookie: "sid" });
  const fault = control.authenticate(new Headers());
  assert(fault instanceof TokenFault);
  assertEquals([fault.status, fault.message], [
    401,
    "This server needs a token: send `Authorization: Bearer TOKEN`, or offer the WebSocket " +
    "subprotocols chorus.v1 and chorus.token.TOKEN, or the cookie sid",
  ]);
  assertEquals(fault.headers, { "www-authenticate": 'Bearer realm="chorus"' });
});

Deno.test("AccessControl gives clients without a token what --anonymous says", async () => {
  assertEquals(await anonymous({ anonymous: "read" }), [null, true, false]);
  assertEquals(await anonymous({ anonymous: "publish" }), [null, true, true]);
});

Deno.test("AccessControl verifies the token of a request, wherever it is", async () => {
  const control = await open({ tokenCookie: "sid" });
  const token = await signWithSecret({ sub: "ann", name: "Ann" });
  for (
    const headers of [
      bearer(token),
      new Headers({ "sec-websocket-protocol": `chorus.v1, chorus.token.${token}` }),
      new Headers({ cookie: `sid=${token}` }),
    ]
  ) {
    const access = await control.authenticate(headers);
    assert(!(access instanceof TokenFault));
    assertEquals([access.user, access.name], ["ann", "Ann"]);
  }
});

Deno.test("AccessControl answers a token that it has accepted before at once", async () => {
  const control = await open();
  const headers = bearer(await signWithSecret({ sub: "ann" }));
  const first = control.authenticate(headers);
  assert(first instanceof Promise);
  assertEquals(control.authenticate(headers) instanceof Promise, true);
  assert(control.authenticate(headers) !== await first);
  await first;
  assert(!(control.authenticate(headers) instanceof Promise));
});

Deno.test("AccessControl refuses an invalid token, also where clients need none", async () => {
  const control = await open({ anonymous: "publish" });
  const fault = await control.authenticate(bearer("a.b.c"));
  assert(fault instanceof TokenFault && fault.status === 401);
  const two = control.authenticate(
    new Headers({ authorization: "Bearer a", "sec-websocket-protocol": "chorus.token.b" }),
  );
  assert(two instanceof TokenFault && two.status === 400);
});

Deno.test("AccessControl.renew() verifies no token of a client that has connected without one", async () => {
  const control = await open({ anonymous: "read" });
  const messages: string[] = [];
  for (const token of [await signWithSecret({ sub: "ann" }), "a.b.c"]) {
    const fault = control.renew(token, null);
    assert(fault instanceof TokenFault);
    messages.push(fault.message);
  }
  const message = "You have connected without a token: connect again with a token";
  assertEquals(messages, [message, message]);
});

Deno.test("AccessControl.reload() rejects if the keys cannot be read, and keeps the old ones", async () => {
  const control = await open();
  await assertRejects(() => control.reload(), TokenKeyError, "Cannot read --token-secret-file");
  assert(!(await control.renew(await signWithSecret({ sub: "ann" }), "ann") instanceof TokenFault));
});
