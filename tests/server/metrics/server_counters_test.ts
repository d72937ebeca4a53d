import { assertEquals } from "@std/assert";
import { ChatCounters } from "../../../lib/chat/counters.ts";
import { tooBig } from "../../../lib/server/http/publication.ts";
import { TOO_MANY, UNAVAILABLE } from "../../../lib/server/http/refusal.ts";
import { ServerCounters } from "../../../lib/server/metrics/server_counters.ts";

const HANDSHAKE = { path: "/", headers: new Headers({ upgrade: "websocket" }) };

/** The counters that are not 0. */
function counted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

function newCounters(): ServerCounters {
  return new ServerCounters(new ChatCounters(() => 0).limits);
}

Deno.test("ServerCounters.countRefusal() counts refused handshakes by outcome, and limits", () => {
  const cases: [Parameters<ServerCounters["countRefusal"]>[1], outcome: string, limit?: string][] =
    [
      [UNAVAILABLE.full, "server_full", "connections"],
      [UNAVAILABLE.tooManyRooms, "too_many_rooms", "rooms"],
      [UNAVAILABLE.roomFull, "room_full", "room_members"],
      [UNAVAILABLE.overloaded, "overloaded", "memory"],
      [TOO_MANY.connections(), "rate_limited", "connections_per_address"],
      [TOO_MANY.handshakes(1), "rate_limited", "handshakes_per_address"],
      [UNAVAILABLE.stopping, "draining"],
      [UNAVAILABLE.unreadable, "unavailable"],
      [{ status: 400 }, "bad_request"],
      [{ status: 401 }, "unauthorized"],
      [{ status: 403 }, "forbidden"],
      [{ status: 404 }, "not_found"],
      [{ status: 405 }, "bad_request"],
      [{ status: 426 }, "bad_request"],
      [{ status: 429 }, "rate_limited"],
      [{ status: 431, limit: "token_size" }, "bad_request", "token_size"],
    ];
  for (const [refusal, outcome, limit] of cases) {
    const counters = newCounters();
    counters.countRefusal(HANDSHAKE, refusal);
    assertEquals(counted(counters.handshakes), { [outcome]: 1 });
    assertEquals(counted(counters.limits), limit === undefined ? {} : { [limit]: 1 });
  }
});

Deno.test("ServerCounters.countRefusal() counts requests to /ws and upgrades as handshakes", () => {
  const counters = newCounters();
  counters.countRefusal({ path: "/ws", headers: new Headers() }, { status: 426 });
  counters.countRefusal({ path: "/rooms", headers: new Headers() }, tooBig(1));
  assertEquals(counted(counters.handshakes), { bad_request: 1 });
  assertEquals(counted(counters.refusals), { 413: 1 });
  assertEquals(counted(counters.limits), { message_size: 1 });
});
