import { assert, assertEquals } from "@std/assert";
import { validate } from "@std/uuid/v7";
import { newConnectionId } from "../../../lib/server/engines/connection_id.ts";

Deno.test("newConnectionId() makes UUIDs of version 7 that differ and sort by time", () => {
  const ids = Array.from({ length: 1000 }, (_, index) => newConnectionId(1000 * index));
  for (const id of [...ids, newConnectionId()]) assert(validate(id), id);
  assertEquals(ids.toSorted(), ids);
  const sameTime = Array.from({ length: 1000 }, () => newConnectionId(1));
  assertEquals(new Set(sameTime).size, 1000);
});
