import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ChorusPeer, textOf } from "./chorus_peer.ts";
import { closeAll, Peer } from "./peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: chorus.v1 and plain text clients get each other's messages in their own format`, async () => {
    await using server = await startTestApp({ engine });
    await using plain = await Peer.open(`${server.url}?name=Pat`);
    const { properties } = await server.logged("{id} connected");
    const id = properties.id as string;
    await using chorus = await ChorusPeer.open(`${server.url}?name=Ann`);
    const { you, session, ...welcome } = chorus.welcome;
    assert(session.startsWith(`${you}.`));
    const epoch = welcome.position.split("-")[0];
    assertEquals(welcome, {
      type: "welcome",
      room: "lobby",
      position: `${epoch}-0`,
      head: `${epoch}-0`,
      recovered: false,
      members: [{ id, name: "Pat" }, { id: you, name: "Ann" }],
      memberCount: 2,
      maxMessageBytes: 65_536,
    });
    chorus.say("hello", "c1");
    assertEquals(await plain.next(), "hello");
    assertEquals(await chorus.next("ack", "said"), {
      type: "ack",
      id: "c1",
      position: `${epoch}-1`,
    });
    plain.send('hi "you"\n');
    const { at, ...said } = await chorus.next("said");
    assert(Math.abs(Date.parse(at) - Date.now()) < 60_000);
    assertEquals(said, {
      type: "said",
      position: `${epoch}-2`,
      from: id,
      name: "Pat",
      text: 'hi "you"\n',
    });
  });

  Deno.test(`${engine}: with echo=true, a client gets its own messages in order, each before its ack`, async () => {
    await using server = await startTestApp({ engine });
    await using chorus = await ChorusPeer.open(`${server.url}?echo=true`);
    await using other = await ChorusPeer.open(server.url);
    await using plain = await Peer.open(`${server.url}?echo=true`);
    for (let index = 0; index < 200; index++) {
      chorus.say(`own ${index}`, `${index}`);
      other.say(`other ${index}`);
      plain.send(`plain ${index}`);
    }
    const texts: string[] = [];
    let ackCount = 0;
    while (texts.length < 600 || ackCount < 200) {
      const message = await chorus.next("said", "ack");
      if (message.type === "said") texts.push(textOf(message));
      else {
        assertEquals(message.id, `${ackCount++}`);
        assert(texts.includes(`own ${message.id}`));
      }
    }
    assertEquals(await plain.take(600), texts);
    assertEquals(await other.texts(400), texts.filter((text) => !text.startsWith("other ")));
  });

  Deno.test(`${engine}: last= replays the last messages in either format`, async () => {
    await using server = await startTestApp({ engine, logMessages: true });
    await using publisher = await Peer.open(server.url);
    for (const text of ["one", "two", "three"]) publisher.send(text);
    for (let count = 0; count < 3; count++) await server.logged("{id} sent");
    await using plain = await Peer.open(`${server.url}?last=2`);
    await using chorus = await ChorusPeer.open(`${server.url}?last=2`);
    await using all = await ChorusPeer.open(`${server.url}?last=100`);
    publisher.send("four");
    assertEquals(await plain.take(3), ["two", "three", "four"]);
    assertEquals(await chorus.texts(3), ["two", "three", "four"]);
    assertEquals(await all.texts(4), ["one", "two", "three", "four"]);
  });

  Deno.test(`${engine}: since= replays exactly the missed messages, also for a client that got none`, async () => {
    await using server = await startTestApp({ engine });
    await using publisher = await ChorusPeer.open(server.url);
    const first = await ChorusPeer.open(server.url);
    const { position } = first.welcome;
    await closeAll([first]);
    for (const id of ["one", "two", "three"]) {
      publisher.say(id, id);
      await publisher.next("ack");
    }
    await using again = await ChorusPeer.open(`${server.url}?since=${position}`);
    assertEquals([again.welcome.recovered, again.welcome.position], [true, position]);
    publisher.say("four");
    const said = [];
    while (said.length < 4) said.push(await again.next("said"));
    assertEquals(said.map(textOf), ["one", "two", "three", "four"]);
    await using later = await ChorusPeer.open(`${server.url}?since=${said[1]!.position}`);
    await using plain = await Peer.open(`${server.url}?since=${said[1]!.position}`);
    assertEquals(await later.texts(2), ["three", "four"]);
    assertEquals(await plain.take(2), ["three", "four"]);
  });

  Deno.test(`${engine}: a position that is no longer retained is answered with a gap`, async () => {
    await using server = await startTestApp({
      engine,
      logRetentionBytes: 64 * 1024,
      logMessages: true,
    });
    await using reader = await ChorusPeer.open(server.url);
    const { position } = reader.welcome;
    const epoch = position.split("-")[0];
    const long = "x".repeat(30_000);
    for (let count = 0; count < 10; count++) {
      reader.say(`${count} ${long}`, `${count}`);
      await reader.next("ack");
    }
    await using late = await ChorusPeer.open(`${server.url}?since=${position}`);
    const gap = await late.next("gap", "said");
    const seq = Number((await late.next("said")).position.split("-")[1]);
    assert(seq > 1);
    assertEquals(late.welcome.recovered, false);
    assertEquals(late.welcome.position, `${epoch}-${seq - 1}`);
    assertEquals(gap, {
      type: "gap",
      after: position,
      before: `${epoch}-${seq}`,
      missedCount: seq - 1,
      reason: "expired",
    });
    for (const unknown of [`${epoch}-11`, "0123456789abcdef-3", "made up", ""]) {
      await using stray = await ChorusPeer.open(`${server.url}?since=${unknown}`);
      const stated = await stray.next("gap", "said");
      assert(stated.type === "gap");
      const { after, missedCount, reason } = stated;
      assertEquals(stray.welcome.recovered, false);
      assertEquals([after, missedCount, reason], [unknown, seq - 1, "unknown position"]);
    }
  });

  Deno.test(`${engine}: a session makes a later connection the same member, and a forged one does not`, async () => {
    await using server = await startTestApp({ engine });
    const one = await ChorusPeer.open(server.url);
    const { you, session } = one.welcome;
    await closeAll([one]);
    await using again = await ChorusPeer.open(`${server.url}?session=${session}`);
    assertEquals(again.welcome.you, you);
    const forged = `${you}.${"A".repeat(43)}`;
    await using thief = await ChorusPeer.open(`${server.url}?session=${forged}`);
    assert(thief.welcome.you !== you);
  });

  Deno.test(`${engine}: an invalid message is answered with an error and the connection stays open`, async () => {
    await using server = await startTestApp({ engine });
    await using chorus = await ChorusPeer.open(server.url);
    for (
      const [frame, code, id] of [
        ["hello", "bad_json", undefined],
        ["[]", "bad_json", undefined],
        ['{"type":"shout","id":"a"}', "unknown_type", "a"],
        ['{"type":"say","id":7,"text":"a"}', "bad_id", undefined],
        ['{"type":"say","id":"b"}', "bad_text", "b"],
        ['{"type":"say","id":"c","text":"\\ud800"}', "bad_text", "c"],
      ]
    ) {
      chorus.send(frame!);
      const error = await chorus.next("error", "ack");
      assert(error.type === "error");
      assertEquals([error.code, error.id], [code, id], frame);
    }
    chorus.say("still here", "d");
    assertEquals((await chorus.next("ack")).id, "d");
    chorus.send(Uint8Array.of(1));
    assertEquals((await chorus.closed).code, 1003);
  });

  Deno.test(`${engine}: joins and leaves are reported to members, many in few frames`, async () => {
    await using server = await startTestApp({ engine });
    await using watcher = await ChorusPeer.open(server.url);
    const peers = await Peer.openMany(server.url, 200);
    for (const type of ["joined", "left"] as const) {
      let [count, frameCount] = [0, 0];
      while (count < (type === "joined" ? 201 : 200)) {
        const change = await watcher.next(type);
        count += change.count;
        frameCount++;
        assert(change.members.length <= 100);
        if (count === 201) assertEquals(change.memberCount, 201);
      }
      assert(frameCount < 50, `${frameCount} frames`);
      if (type === "joined") await closeAll(peers);
    }
    await using late = await ChorusPeer.open(`${server.url}?name=Late`);
    assertEquals(late.welcome.memberCount, 2);
  });

  Deno.test(`${engine}: a member that resumes under a new name is listed under it, and others are told`, async () => {
    await using server = await startTestApp({ engine });
    await using watcher = await ChorusPeer.open(server.url);
    const old = await ChorusPeer.open(`${server.url}?name=Ann`);
    const { you: id, session } = old.welcome;
    /** The next change of the member that the watcher is told of. */
    const change = async () => {
      for (;;) {
        const { type, members, memberCount } = await watcher.next("joined", "left");
        const member = members.find((each) => each.id === id);
        if (member) return [type, member.name, memberCount];
      }
    };
    assertEquals(await change(), ["joined", "Ann", 2]);
    const bea = await ChorusPeer.open(`${server.url}?name=Bea&session=${session}`);
    assertEquals(bea.welcome.members[1], { id, name: "Bea" });
    assertEquals(await change(), ["joined", "Bea", 2]);
    // Each connection speaks with its own name.
    old.say("from Ann");
    assertEquals((await watcher.next("said")).name, "Ann");
    bea.say("from Bea");
    assertEquals((await watcher.next("said")).name, "Bea");
    // The newest connection leaves first.
    await closeAll([bea]);
    assertEquals(await change(), ["joined", "Ann", 2]);
    // The old connection leaves first, and nothing changes for the others.
    await using cat = await ChorusPeer.open(`${server.url}?name=Cat&session=${session}`);
    assertEquals(await change(), ["joined", "Cat", 2]);
    await closeAll([old]);
    for (const _ of [1, 2]) await server.logged("{id} disconnected");
    await using late = await ChorusPeer.open(`${server.url}?name=Late`);
    assertEquals(late.welcome.members.map(({ name }) => name), [null, "Cat", "Late"]);
    const news = await watcher.next("joined", "left");
    assertEquals([news.type, news.members[0]!.name, news.memberCount], ["joined", "Late", 3]);
    cat.say("from Cat");
    assertEquals((await watcher.next("said")).name, "Cat");
  });

  Deno.test(`${engine}: a member that leaves and returns at once under a new name is reported`, async () => {
    await using server = await startTestApp({ engine });
    await using watcher = await ChorusPeer.open(server.url);
    const old = await ChorusPeer.open(`${server.url}?name=Ann`);
    const { you: id, session } = old.welcome;
    while ((await watcher.next("joined", "left")).memberCount < 2);
    await closeAll([old]);
    await using _new = await ChorusPeer.open(`${server.url}?name=Bea&session=${session}`);
    // The old one may be told to have left before, if the machine is slow.
    for (;;) {
      const { type, members, memberCount } = await watcher.next("joined", "left");
      if (type === "left") continue;
      assertEquals([members, memberCount], [[{ id, name: "Bea" }], 2]);
      break;
    }
  });

  Deno.test(`${engine}: with --binary a chorus.v1 client gets binary messages in base64`, async () => {
    await using server = await startTestApp({ engine, binary: true });
    await using chorus = await ChorusPeer.open(server.url);
    await using plain = await Peer.open(server.url);
    plain.send(Uint8Array.of(1, 2, 255));
    const said = await chorus.next("said");
    assert("binary" in said);
    assertEquals(said.binary, "AQL/");
  });

  Deno.test(`${engine}: an invalid last or echo is refused`, async () => {
    await using server = await startTestApp({ engine });
    for (const query of ["last=-1", "last=10001", "last=", "echo=1", "echo="]) {
      const refusal = await Peer.open(`${server.url}?${query}`).then(() => "in", String);
      assertStringIncludes(refusal, "400");
    }
  });
}
