import { assertEquals } from "@std/assert";
import { NO_MARKER } from "../../../../lib/load/measure/ledger/marker.ts";
import { MarkedMessage } from "../../../../lib/load/measure/message.ts";
import { TextCheck, TextFormat } from "../../../../lib/load/measure/ledger/text_check.ts";

const MARKER = { ...NO_MARKER, sender: 1, seq: 4, plannedUs: 2_000, wholeBytes: 3 };

function checkOf(template: string): TextCheck {
  return new TextCheck({
    message: new MarkedMessage(template, 0),
    senders: [{ id: 1, name: "Ann", room: "" }, { id: 2, name: "Bob", room: "" }],
    startEpochMs: 0,
  });
}

/** The marker is where the text has `***`. */
function partsOf(text: string) {
  const bytes = new TextEncoder().encode(text);
  return [bytes, 0, bytes.length, bytes.indexOf(0x2a), MARKER] as const;
}

for (
  const [template, text, match, wrong] of [
    ["{name}: {marker}", "Bob: ***", 2, undefined],
    ["{id}.{seq} at {time} {marker}!", "2.5 at 1970-01-01T00:00:00.002Z ***!", 2, undefined],
    ["{name}: {marker}.", '{"text":"Bob: ***."}', 1, undefined],
    ["{name}: {marker}", "Bob: ***.", 1, "it has 9 bytes instead of 8"],
    ["{name}: {marker}", "Rob: ***", -1, "byte 0 is 0x52 (R) instead of 0x42 (B)"],
    ["{name}: {marker}!", "Bob: ***\n", -1, "byte 8 is 0x0a instead of 0x21 (!)"],
    ["{name}: {marker}!", "Bob: ***", 0, "it has 8 bytes instead of 9"],
    ["{name}: {marker}", "ob: ***", 0, "it has 7 bytes instead of 8"],
  ] as const
) {
  Deno.test(`TextCheck.match() is ${match} for ${JSON.stringify(text)} from ${template}`, () => {
    const check = checkOf(template);
    assertEquals(check.match(...partsOf(text)), match);
    // The second time, the text may be known.
    assertEquals(check.match(...partsOf(text)), match);
    if (wrong) assertEquals(check.describe(...partsOf(text)), wrong);
  });
}

for (
  const [matches, refusedCount, count, texts] of [
    [[2, 2, 2], 0, 0, []],
    [[-1, -1, -1], 3, 0, []],
    [[1, 1, 1], 0, 0, []],
    [[0, 0, 0], 0, 0, []],
    [[0, 2, 2], 0, 1, ["0"]],
    [[2, 1, 2, 0, 2, 2], 2, 0, []],
    [[1, 0, 1, 1], 1, 0, []],
    [[0, 1, 2, 2, 2, 2], 0, 2, ["0", "1"]],
    // Most are not within the text that was sent, so the server changes it.
    [[0, 2, 0, 1, 0, 0], 0, 0, []],
  ] as const
) {
  Deno.test(`TextFormat refuses ${refusedCount} and regrets ${count} deliveries that match ${matches}`, () => {
    const format = new TextFormat();
    let refused = 0;
    for (const match of matches) {
      if (!format.add(match)) refused++;
      else if (format.isDoubtful(match)) format.name(match, `${match}`);
    }
    assertEquals([refused, format.damage], [refusedCount, { count, texts: [...texts] }]);
  });
}
