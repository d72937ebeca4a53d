import { assertEquals } from "@std/assert";
import { Timeline } from "../../../lib/server/page/chat/timeline.js";

function message(number: number) {
  return {
    kind: "message" as const,
    position: `e-${number}`,
    from: "bob",
    name: "Bob",
    text: `${number}`,
    at: new Date(0),
    isOwn: false,
    isReplay: false,
  };
}

function messages(from: number, to: number) {
  return Array.from({ length: to - from + 1 }, (_, at) => message(from + at));
}

/** What is in a timeline: texts of messages, and counts of those that were skipped. */
function contents(timeline: Timeline): string[] {
  const found: string[] = [];
  for (let entry = timeline.first; entry; entry = entry.next) {
    const { content } = entry;
    if (content.kind === "message") found.push(content.text);
    else found.push(content.kind === "gap" ? "gap" : `skipped ${content.count}`);
    if (entry.next) assertEquals(entry.next.previous, entry);
    else assertEquals(timeline.last, entry);
  }
  assertEquals(found.length, timeline.size);
  return found;
}

Deno.test("Timeline has each message once, also those that are replayed", () => {
  const timeline = new Timeline();
  assertEquals(messages(1, 3).map((each) => timeline.append(each)), [true, true, true]);
  assertEquals(messages(2, 4).map((each) => timeline.append(each)), [false, false, true]);
  assertEquals(timeline.prepend(messages(0, 2)), 1);
  assertEquals(contents(timeline), ["0", "1", "2", "3", "4"]);
});

Deno.test("a full Timeline drops the oldest entries, and knows where they can be read again", () => {
  const timeline = new Timeline({ maxEntries: 3 });
  timeline.hasOlder = false;
  for (const each of messages(1, 3)) timeline.append(each);
  assertEquals([timeline.hasOlder, timeline.before], [false, undefined]);
  const { first } = timeline;
  timeline.append(message(4));
  timeline.append(message(5));
  assertEquals(contents(timeline), ["3", "4", "5"]);
  assertEquals([timeline.hasOlder, timeline.before, first?.isDropped], [true, "e-2", true]);
});

Deno.test("a dropped entry of a Timeline does not hold other entries", () => {
  const timeline = new Timeline({ maxEntries: 3 });
  for (const each of messages(1, 3)) timeline.append(each);
  const held = [timeline.first!, timeline.first!.next!, timeline.last!];
  for (const each of messages(4, 100)) timeline.append(each);
  for (const { previous, next } of held) assertEquals([previous, next], [undefined, undefined]);
  const counted = timeline.first!;
  timeline.collapse(counted, counted);
  assertEquals([counted.previous, counted.next], [undefined, undefined]);
});

Deno.test("Timeline is bounded by its texts, too, but has the newest message", () => {
  const timeline = new Timeline({ maxCharacters: 10 });
  for (const each of messages(1, 3)) timeline.append({ ...each, text: "xxxxx" });
  assertEquals(contents(timeline), ["xxxxx", "xxxxx"]);
  timeline.append({ ...message(4), text: "y".repeat(20) });
  assertEquals(contents(timeline), ["y".repeat(20)]);
});

Deno.test("a full Timeline keeps what is read, and counts what comes after it", () => {
  const timeline = new Timeline({ maxEntries: 4 });
  for (const each of messages(1, 2)) timeline.append(each);
  timeline.pinned = timeline.last;
  for (const each of messages(3, 9)) timeline.append(each);
  assertEquals(contents(timeline), ["1", "2", "skipped 6", "9"]);
  assertEquals(timeline.before, undefined);
  timeline.pinned = undefined;
  for (const each of messages(10, 12)) timeline.append(each);
  assertEquals(contents(timeline), ["9", "10", "11", "12"]);
  // Reading on from here finds the last one that was counted.
  assertEquals(timeline.before, "e-8");
});

for (const options of [{ maxEntries: 4 }, { maxCharacters: 4 }]) {
  const bound = Object.keys(options)[0];

  Deno.test(`a Timeline beyond ${bound} counts nothing that has been shown or loaded`, () => {
    const timeline = new Timeline(options);
    const text = (each: ReturnType<typeof message>) => ({ ...each, text: each.text.slice(-1) });
    for (const each of messages(11, 14)) timeline.append(text(each));
    for (let entry = timeline.first; entry; entry = entry.next) entry.isShown = true;
    timeline.prepend(messages(6, 10).map(text));
    timeline.pinned = timeline.first!.next;
    for (let entry = timeline.first; entry; entry = entry.next) entry.isShown = true;
    const shown = contents(timeline);
    timeline.append(message(5));
    assertEquals(contents(timeline), [...shown, "5"]);
    // Only what the reader has not seen is counted, and the newest message is there.
    for (const each of messages(15, 18)) timeline.append(text(each));
    assertEquals(contents(timeline), [...shown, "skipped 4", "8"]);
    // A count that has been shown says the same when the reader comes back to it.
    const counted = timeline.last!.previous!;
    counted.isShown = true;
    timeline.pinned = counted.previous;
    for (const each of messages(19, 21)) timeline.append(text(each));
    assertEquals(contents(timeline), [...shown, "skipped 4", "skipped 3", "1"]);
    assertEquals(counted.content.kind === "skipped" && counted.content.isFlood, false);
    // Back at the end, the reader needs the old ones no more.
    timeline.pinned = undefined;
    timeline.append({ ...message(22), text: "2" });
    const left = contents(timeline);
    assertEquals(left.slice(-4), ["skipped 4", "skipped 3", "1", "2"]);
    assertEquals(left.includes("9"), false);
  });
}

Deno.test("Timeline.collapse() counts messages, those of gaps, and those of counts before", () => {
  const timeline = new Timeline();
  for (const each of messages(1, 3)) timeline.append(each);
  timeline.append({ kind: "gap", missedCount: 10, reason: "too slow" });
  for (const each of messages(14, 16)) timeline.append(each);
  const second = timeline.first!.next!;
  const counted = timeline.collapse(second, second.next!.next!);
  assertEquals(contents(timeline), ["1", "skipped 12", "14", "15", "16"]);
  const more = timeline.collapse(counted.next!, counted.next!.next!);
  assertEquals(more, counted);
  assertEquals(contents(timeline), ["1", "skipped 14", "16"]);
  // The counted messages can be read again.
  assertEquals(timeline.prepend([message(2)]), 1);
});
