import { assertEquals, assertStringIncludes } from "@std/assert";
import { ChorusPeer } from "./chorus_peer.ts";
import { EventSource } from "./event_source.ts";
import { closeAll, Peer } from "./peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

/** Names that rooms and members may have. tests/chat/names_test.ts has more. */
const NAMES = [
  ..."Ann❤️ ❤️ 👩‍💻 👨‍👩‍👧‍👦 1️⃣ 👍🏽".split(" "),
  "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
  ...["می\u200cخواهم", "क्\u200dष", "ශ්\u200dරී", "ᠨᠢᠭᠡ\u180b", "葛\u{e0100}城", "שָׁלוֹם"],
  "مُحَمَّد",
];

/** Texts that are not names. */
const NOT_NAMES = [
  ...["", "\ufe0f", "\u200d", "\u3164", "\u2800", "\u0301", "An\u200bn", "Ann\ufe0f", "Ann\u200d"],
  ...["\u202eAnn", "An\u00adn", "An\u034fn", "Ann\u{e0061}", "a\x00", "a\nb", "x".repeat(129)],
];

for (const engine of ENGINES) {
  Deno.test(`${engine}: names in any script and with any emoji are accepted`, async () => {
    await using server = await startTestApp({ engine });
    for (const name of NAMES) {
      const encoded = encodeURIComponent(name);
      await using member = await ChorusPeer.open(`${server.url}?room=${encoded}&name=${encoded}`);
      const { welcome } = member;
      assertEquals([welcome.room, welcome.members[0]!.name], [name, name]);
      const url = new URL(`/rooms/${encoded}/messages`, server.app.url);
      const published = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ text: "hi", name }),
      });
      assertEquals(published.status, 201);
      await published.body!.cancel();
      const said = await member.next("said");
      assertEquals(said.name, name);
      const { room, messages } = await (await fetch(url)).json();
      assertEquals([room, messages[0].name], [name, name]);
      await using events = await EventSource.open(
        new URL(`/rooms/${encoded}/events?name=${encoded}`, server.app.url),
      );
      assertEquals(JSON.parse((await events.next())!.data!).members[1].name, name);
    }
    const { rooms } = await (await fetch(new URL("/rooms", server.app.url))).json();
    assertEquals(
      rooms.map(({ name }: { name: string }) => name).sort(),
      NAMES.toSorted(),
    );
  });

  Deno.test(`${engine}: names that are empty to the eye or have invisible characters are refused`, async () => {
    await using server = await startTestApp({ engine });
    for (const name of NOT_NAMES) {
      const encoded = encodeURIComponent(name);
      for (const parameter of ["name", "room"]) {
        const refusal = await Peer.open(`${server.url}?${parameter}=${encoded}`)
          .then(() => "accepted", String);
        assertStringIncludes(refusal, "400", `${parameter}=${encoded}`);
      }
      const refusals = await Promise.all([
        fetch(new URL("/rooms/tea/messages", server.app.url), {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ text: "hi", name }),
        }),
        fetch(new URL(`/rooms/${encoded}/messages`, server.app.url)),
        fetch(new URL(`/rooms/tea/events?name=${encoded}`, server.app.url)),
      ]);
      for (const refusal of refusals) {
        assertEquals(refusal.status, 400, encoded);
        assertStringIncludes((await refusal.json()).detail, "visible");
      }
    }
    assertEquals([server.app.wires.size, server.app.chat.rooms.size], [0, 0]);
  });

  Deno.test(`${engine}: two spellings that look the same are one name`, async () => {
    await using server = await startTestApp({ engine });
    const spellings = ["❤", "❤️", "❤\ufe0e"].map(encodeURIComponent);
    const peers = await Promise.all(
      spellings.map((each) =>
        ChorusPeer.open(`${server.url}?room=${each}&name=%C2%A0A%20%20${each}`)
      ),
    );
    assertEquals(server.app.chat.rooms.size, 1);
    for (const { welcome } of peers) {
      assertEquals([welcome.room, new Set(welcome.members.map(({ name }) => name)).size], [
        "❤️",
        1,
      ]);
      assertEquals(welcome.members[0]!.name, "A ❤️");
    }
    await closeAll(peers);
  });
}
