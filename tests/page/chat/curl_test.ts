import { assertEquals } from "@std/assert";
import { curlCommand } from "../../../lib/server/page/chat/curl.js";

Deno.test("curlCommand() keeps the prefix of the page, and quotes the room for a shell", () => {
  const pageUrl = "https://example.org/chat/?room=x";
  assertEquals(
    curlCommand({ pageUrl, roomName: "it's tea/green", hasToken: true }),
    `curl -H 'Content-Type: text/plain' \\
  -H "Authorization: Bearer $TOKEN" \\
  -d 'Hello from curl' 'https://example.org/chat/rooms/it%27s%20tea%2Fgreen/messages'`,
  );
});
