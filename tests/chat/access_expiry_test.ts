import { assertEquals } from "@std/assert";
import { type Access, OPEN_ACCESS } from "../../lib/chat/access.ts";
import { AccessExpiry, type ExpiringMember } from "../../lib/chat/access_expiry.ts";
import { CLOSE_CODES, type CloseCode } from "../../lib/chat/close_code.ts";

/** An expiry on a clock and a timer of its own. */
function start() {
  const state = { nowMs: 0, timers: 0, check: () => {} };
  const expiry = new AccessExpiry({
    readMs: () => state.nowMs,
    startInterval: (run, ms) => {
      assertEquals(ms, 1000);
      state.timers++;
      state.check = run;
      return () => {
        state.timers--;
        state.check = () => {};
      };
    },
  });
  const checkAt = (ms: number) => {
    state.nowMs = ms;
    state.check();
  };
  return { state, expiry, checkAt };
}

/** A member that leaves when it is closed. */
class FakeMember implements ExpiringMember {
  access: Access;
  readonly events: unknown[] = [];
  readonly #expiry: AccessExpiry;

  constructor(expiry: AccessExpiry, expiresAtMs: number) {
    this.access = { ...OPEN_ACCESS, expiresAtMs };
    this.#expiry = expiry;
  }

  onExpiring(expiresInSeconds: number): void {
    this.events.push(expiresInSeconds);
  }

  close(status: CloseCode): void {
    this.events.push(status);
    this.#expiry.forget(this);
  }

  fail(error: unknown): void {
    this.events.push(error);
  }
}

Deno.test("AccessExpiry tells a member 25 s before its access ends, and closes it then", () => {
  const { state, expiry, checkAt } = start();
  const member = new FakeMember(expiry, 100_000);
  assertEquals(expiry.watch(member), 100);
  checkAt(74_999);
  assertEquals(member.events, []);
  checkAt(75_000);
  checkAt(76_000);
  assertEquals(member.events, [25]);
  checkAt(99_999);
  assertEquals(member.events, [25]);
  checkAt(100_000);
  assertEquals(member.events, [25, CLOSE_CODES.tokenExpired]);
  assertEquals(state.timers, 0);
});

Deno.test("AccessExpiry tells a member at once if less than 25 s are left", () => {
  const { expiry, checkAt } = start();
  const member = new FakeMember(expiry, 10_000);
  expiry.watch(member);
  checkAt(1000);
  assertEquals(member.events, [9]);
});

Deno.test("AccessExpiry tells a member with new access again, and closes it later", () => {
  const { state, expiry, checkAt } = start();
  const member = new FakeMember(expiry, 30_000);
  expiry.watch(member);
  checkAt(10_000);
  member.access = { ...OPEN_ACCESS, expiresAtMs: 60_000 };
  assertEquals(expiry.watch(member), 50);
  checkAt(30_000);
  assertEquals(member.events, [20]);
  checkAt(35_000);
  assertEquals(member.events, [20, 25]);
  member.access = OPEN_ACCESS;
  assertEquals([expiry.watch(member), state.timers], [null, 0]);
});

Deno.test("AccessExpiry has one timer, and only while the access of a member ends", () => {
  const { state, expiry } = start();
  const members = [1000, 2000, Infinity].map((ms) => new FakeMember(expiry, ms));
  expiry.watch(members[2]!);
  assertEquals(state.timers, 0);
  for (const member of members) expiry.watch(member);
  assertEquals(state.timers, 1);
  expiry.forget(members[2]!);
  expiry.forget(members[0]!);
  assertEquals(state.timers, 1);
  expiry.forget(members[1]!);
  expiry.forget(members[1]!);
  assertEquals(state.timers, 0);
});

Deno.test("AccessExpiry goes on with the next member if one fails", () => {
  const { expiry, checkAt } = start();
  const [broken, other] = [new FakeMember(expiry, 1000), new FakeMember(expiry, 1000)];
  const bug = new TypeError("a bug");
  broken.close = () => {
    throw bug;
  };
  expiry.watch(broken);
  expiry.watch(other);
  checkAt(1000);
  assertEquals([broken.events, other.events], [[bug], [CLOSE_CODES.tokenExpired]]);
});
