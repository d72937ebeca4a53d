import { getLogger } from "@logtape/logtape";
import { assertEquals } from "@std/assert";
import { type Access, OPEN_ACCESS } from "../../../lib/chat/access.ts";
import { Guard, type GuardOptions, type Purpose } from "../../../lib/server/http/guard.ts";
import { isRefusal, type Refusal } from "../../../lib/server/http/refusal.ts";
import { AddressLimits } from "../../../lib/server/security/address_limits.ts";
import {
  invalidRequest,
  missingToken,
  TokenFault,
} from "../../../lib/server/security/tokens/token_fault.ts";
import { parseCidr, Proxies } from "../../../lib/server/security/proxies.ts";

const NONE = { maxConnectionsPerAddress: 0, handshakeRate: 0, publishRate: 0, rateBurstMs: 0 };

const PROXY = { address: "10.0.0.1:80", ip: "10.0.0.1" };
const CLIENT = { address: "192.0.2.1:50000", ip: "192.0.2.1" };

function guardOf(
  addressLimits: AddressLimits,
  accessControl: Partial<GuardOptions["accessControl"]> = {},
) {
  const cidr = parseCidr(PROXY.ip);
  if (typeof cidr === "string") throw new Error(cidr);
  const clock = { nowMs: 0 };
  const guard = new Guard({
    proxies: new Proxies([cidr], "x-forwarded-for"),
    addressLimits,
    monotonicMs: () => clock.nowMs,
    accessControl: {
      authenticate: () => OPEN_ACCESS,
      renew: () => OPEN_ACCESS,
      ...accessControl,
    },
    logger: getLogger("test"),
  });
  /** Returns the visitor's address, or the status and Retry-After of the refusal. */
  const enter = (peer: typeof PROXY, purpose: Purpose, forwardedFor?: string) => {
    const headers = new Headers(forwardedFor ? { "x-forwarded-for": forwardedFor } : {});
    const entered = guard.enter({ peer, headers, requestId: undefined }, purpose, "tea");
    if (entered instanceof Promise) throw new TypeError("There is nothing to wait for");
    return isRefusal(entered) ? show(entered) : entered.address;
  };
  return { guard, clock, enter };
}

function show({ status, headers }: Refusal): string {
  return `${status} after ${headers["retry-after"]}`;
}

Deno.test("Guard.enter() finds the client behind a proxy, and no port", () => {
  const { enter } = guardOf(new AddressLimits(NONE));
  assertEquals(enter(CLIENT, "join", "6.6.6.6"), CLIENT.address);
  assertEquals(enter(PROXY, "join", "6.6.6.6, 192.0.2.1"), CLIENT.ip);
  assertEquals(enter(PROXY, "join"), PROXY.address);
});

Deno.test("Guard.enter() limits joins and publishes of each client, and nothing else", () => {
  const limits = new AddressLimits({ ...NONE, handshakeRate: 0.1, publishRate: 0.5 });
  const { clock, enter } = guardOf(limits);
  const purposes = ["join", "publish", "read", "list", "join", "publish", "read", "list"] as const;
  const outcomes = purposes.map((purpose) => enter(PROXY, purpose, CLIENT.ip));
  assertEquals(outcomes.slice(0, 4), Array(4).fill(CLIENT.ip));
  assertEquals(outcomes.slice(4), ["429 after 10", "429 after 2", CLIENT.ip, CLIENT.ip]);
  assertEquals(enter(PROXY, "join", "192.0.2.2"), "192.0.2.2");
  clock.nowMs = 9999;
  assertEquals(enter(CLIENT, "join"), "429 after 1");
  clock.nowMs = 10_000;
  assertEquals(enter(CLIENT, "join"), CLIENT.address);
});

Deno.test("Guard.enter() refuses an address with too many connections, before it reads a token", () => {
  const limits = new AddressLimits({ ...NONE, maxConnectionsPerAddress: 1 });
  const { guard, enter } = guardOf(limits, {
    authenticate: () => {
      throw new Error("not called");
    },
  });
  limits.connections.enter(CLIENT.ip);
  assertEquals(enter(CLIENT, "join"), "429 after 10");
  assertEquals(show(guard.refuseConnection(CLIENT)!), "429 after 10");
  assertEquals(guard.refuseConnection(PROXY), undefined);
});

Deno.test("Guard.enter() limits the wrong tokens of an address, and not the requests without one", () => {
  const limits = new AddressLimits({ ...NONE, handshakeRate: 0.1 });
  let access: Access | Refusal = missingToken("");
  const { clock, enter } = guardOf(limits, { authenticate: () => access });
  for (let count = 0; count < 3; count++) {
    assertEquals(enter(CLIENT, "read"), "401 after undefined");
  }
  access = new TokenFault("wrong");
  assertEquals(enter(CLIENT, "read"), "401 after undefined");
  // A right token gets no other answer than a wrong one.
  access = OPEN_ACCESS;
  for (const purpose of ["read", "list", "publish"] as const) {
    assertEquals(enter(CLIENT, purpose), "429 after 10");
  }
  assertEquals(enter(PROXY, "read", "192.0.2.2"), "192.0.2.2");
  // Handshakes have a rate of their own.
  assertEquals(enter(CLIENT, "join"), CLIENT.address);
  clock.nowMs = 10_000;
  assertEquals(enter(CLIENT, "read"), CLIENT.address);
});

Deno.test("Guard.renew() limits wrong tokens of members as those of requests, and closes the member", () => {
  const limits = new AddressLimits({ ...NONE, handshakeRate: 0.1 });
  let access: Access | Refusal = invalidRequest("You have connected without a token");
  const seen: unknown[] = [];
  const { guard, clock, enter } = guardOf(limits, {
    renew: (...renewal) => {
      seen.push(renewal);
      return access;
    },
  });
  const renew = (address: string) => {
    const renewed = guard.renew("token", {
      id: "id",
      address,
      access: { ...OPEN_ACCESS, user: "ann" },
    });
    if (renewed instanceof Promise) throw new TypeError("There is nothing to wait for");
    return "message" in renewed ? renewed.closeCode?.code ?? renewed.message : "renewed";
  };
  assertEquals(renew(CLIENT.address), "You have connected without a token");
  access = new TokenFault("wrong");
  assertEquals(renew(CLIENT.address), "wrong");
  access = OPEN_ACCESS;
  // The address of a client behind a proxy has no port.
  assertEquals([renew(CLIENT.address), renew(CLIENT.ip), renew("192.0.2.2")], [
    ...[4029, 4029, "renewed"],
  ]);
  assertEquals(enter(CLIENT, "read"), "429 after 10");
  assertEquals(seen, Array(3).fill(["token", "ann"]));
  clock.nowMs = 10_000;
  assertEquals(renew(CLIENT.address), "renewed");
});

Deno.test("Guard.checkSecret() limits wrong secrets as wrong tokens", () => {
  const { guard, enter } = guardOf(new AddressLimits({ ...NONE, handshakeRate: 0.1 }));
  const check = (isRight: boolean | undefined) => {
    const checked = guard.checkSecret({ peer: CLIENT, headers: new Headers() }, () => isRight);
    return isRefusal(checked) ? show(checked) : checked.isRight;
  };
  assertEquals([true, undefined, false].map(check), [true, undefined, false]);
  assertEquals(check(true), "429 after 10");
  assertEquals(enter(CLIENT, "read"), "429 after 10");
});
