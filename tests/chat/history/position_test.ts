import { assert, assertEquals } from "@std/assert";
import { formatPosition, newEpochName, parsePosition } from "../../../lib/chat/history/position.ts";

Deno.test("parsePosition() parses what formatPosition() formats", () => {
  const epoch = newEpochName();
  assert(newEpochName() !== epoch);
  for (const seq of [0, 1, 10, 999_999_999_999_999]) {
    assertEquals(parsePosition(formatPosition({ epoch, seq })), { epoch, seq });
  }
});

Deno.test("parsePosition() rejects texts that are not positions", () => {
  const epoch = "0123456789abcdef";
  assert(parsePosition(`${epoch}-7`));
  const wrong = [
    "",
    "-",
    "7",
    epoch,
    `${epoch}-`,
    `${epoch}--7`,
    `${epoch}-07`,
    `${epoch}-7.0`,
    `${epoch}-1e3`,
    `${epoch}-0x7`,
    `${epoch}-7 `,
    ` ${epoch}-7`,
    `${epoch}-7\n`,
    `${epoch}-9999999999999999`,
    `${epoch.toUpperCase()}-7`,
    `${epoch.slice(1)}-7`,
    `${epoch}0-7`,
  ];
  for (const text of wrong) assertEquals(parsePosition(text), undefined, JSON.stringify(text));
});
