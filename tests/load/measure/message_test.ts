import { assertEquals } from "@std/assert";
import { findMarker, readMarker } from "../../../lib/load/measure/ledger/marker.ts";
import { MarkedMessage, messageText } from "../../../lib/load/measure/message.ts";

const PARTS = { id: 3, name: "Ann", seq: 7, epochMs: 1000 };
const MARKER = { run: 1, sender: 2, seq: 6, plannedUs: 4, lateUs: 5 };

for (
  const [template, text] of [
    ["hello", "hello"],
    ["Client {id} says hello", "Client 3 says hello"],
    ["{id}.{seq} at {time}, {id}", "3.7 at 1970-01-01T00:00:01.000Z, 3"],
    ["{ID} {} {marker}", "{ID} {} {marker}"],
  ]
) {
  Deno.test(`messageText() turns ${template} into ${text}`, () => {
    assertEquals(messageText(template!, PARTS), text);
  });
}

for (
  const [template, minBytes, pattern, length] of [
    ["Client {id} says hello", 64, /^Client 3 says hello ~[a-p]{44}~$/, 66],
    ["Client {id} says hello", 0, /^Client 3 says hello ~[a-p]{44}~$/, 66],
    ['{"text":"{marker}","seq":{seq}}', 70, /^{"text":"~[a-p]{44}~[a-p]{5}","seq":7}$/, 70],
    ["{marker}", 46, /^~[a-p]{44}~$/, 46],
    ["Grüße {marker}", 60, /^Grüße ~[a-p]{44}~[a-p]{6}$/, 60],
  ] as const
) {
  Deno.test(`MarkedMessage turns ${template} into ${length} bytes for a minimum of ${minBytes}`, () => {
    const bytes = new MarkedMessage(template, minBytes).encode(PARTS, MARKER);
    const text = new TextDecoder().decode(bytes);
    assertEquals([pattern.test(text), bytes.length], [true, length]);
    const marker = { ...MARKER, wholeBytes: 0 };
    const at = findMarker(bytes, 0, bytes.length);
    assertEquals(readMarker(new DataView(bytes.buffer), at, marker), true);
    const end = template.indexOf("{marker}") < 0
      ? ""
      : template.slice(template.indexOf("{marker}") + 8);
    assertEquals(marker, {
      ...MARKER,
      wholeBytes: bytes.length - at - messageText(end, PARTS).length,
    });
  });
}
