import { assertEquals } from "@std/assert";
import { loggedText } from "../../lib/chat/logged_text.ts";

const TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";

function logged(text: string): string {
  return loggedText(new TextEncoder().encode(text), true);
}

Deno.test("loggedText() hides tokens, also in malformed JSON and without a signature", () => {
  assertEquals(logged(`{"type":"token","token":"${TOKEN}"}`), '{"type":"token","token":"(token)"}');
  assertEquals(logged(`{"token":"${TOKEN}`), '{"token":"(token)');
  assertEquals(logged(TOKEN.replace(/[^.]*$/, "")), "(token)");
  assertEquals(logged(`${TOKEN} ${TOKEN}`), "(token) (token)");
  assertEquals(logged(`chorus.token.${TOKEN}.x-${TOKEN}`), "chorus.token.(token).x-(token)");
});

Deno.test("loggedText() shows other texts, and only the length of bytes", () => {
  for (const text of ["hi", "eyes.and.ears", "example.com.", "https://www.example.com/a.b.c"]) {
    assertEquals(logged(text), text);
  }
  assertEquals(loggedText(new Uint8Array(3), false), "(3 bytes)");
});

Deno.test("loggedText() takes linear time", () => {
  // With quadratic time, these would take minutes.
  for (const piece of ["-ey", "-ey.", "ey.", "e", "."]) {
    const text = piece.repeat(300_000);
    assertEquals(logged(text), text);
  }
});
