import { assert, assertEquals } from "@std/assert";
import type { PresentMember } from "../../../lib/chat/presence.ts";
import { type MemberChange, RemoteMembers } from "../../../lib/cluster/presence/remote_members.ts";

const ANN = { id: "1", name: "Ann" };
const ANNA = { id: "1", name: "Anna" };
const BOB = { id: "2", name: null };
const CEM = { id: "3", name: "Cem" };

Deno.test("RemoteMembers applies a delta only if it follows", () => {
  const remote = new RemoteMembers();
  assertEquals(remote.applyDelta(delta(1, [ANN])), undefined);
  assertEquals(namesOf(remote.applyPart(part(1, [ANN]))), [[], ["Ann"]]);
  assertEquals(namesOf(remote.applyDelta(delta(2, [BOB, CEM], ["1", "9"]))), [["Ann"], [
    null,
    "Cem",
  ]]);
  assertEquals(remote.isKnown, true);
  assertEquals(remote.applyDelta(delta(4, [ANN])), undefined);
  assertEquals(remote.isKnown, false);
  // The missed one is too late now: a snapshot has to come.
  assertEquals(remote.applyDelta(delta(3, [ANN])), undefined);
  assertEquals(namesOf(remote.applyPart(part(4, [BOB, ANN]))), [["Cem"], ["Ann"]]);
  assertEquals(remote.isKnown, true);
});

Deno.test("RemoteMembers gives back the object that joined when it leaves, or is renamed", () => {
  const remote = new RemoteMembers();
  const [ann] = remote.applyPart(part(0, [{ ...ANN }, { ...BOB }]))!.joined;
  assertEquals(remote.applyPart(part(0, [{ ...ANN }, { ...BOB }])), { left: [], joined: [] });
  const renamed = remote.applyDelta(delta(1, [{ ...ANNA }, { ...BOB }]))!;
  assertEquals(namesOf(renamed), [["Ann"], ["Anna"]]);
  assert(renamed.left[0] === ann);
  const gone = remote.applyDelta(delta(2, [], ["1"]))!;
  assert(gone.left[0] === renamed.joined[0]);
  assertEquals(remote.members, [BOB]);
});

Deno.test("RemoteMembers takes the last of two members with one id", () => {
  const remote = new RemoteMembers();
  assertEquals(namesOf(remote.applyPart(part(0, [ANN, ANNA]))), [[], ["Anna"]]);
  assertEquals(namesOf(remote.applyDelta(delta(1, [ANN, ANNA, ANN]))), [["Anna"], ["Ann"]]);
});

Deno.test("RemoteMembers applies the parts of a snapshot together, if none is missing", () => {
  const remote = new RemoteMembers();
  const parts = (...list: [n: number, part: number, isLast: boolean, member: PresentMember][]) =>
    list.map(([n, part, isLast, member]) =>
      namesOf(remote.applyPart({ room: "x", n, part, isLast, members: [member] }))
    );
  assertEquals(parts([5, 0, false, ANN], [5, 2, true, CEM]), [undefined, undefined]);
  assertEquals(parts([5, 1, true, BOB]), [undefined]);
  assertEquals(parts([5, 0, false, ANN], [6, 1, true, CEM]), [undefined, undefined]);
  assertEquals(remote.isKnown, false);
  assertEquals(parts([5, 0, false, ANN], [6, 0, false, BOB], [6, 1, true, CEM]), [
    ...[undefined, undefined],
    [[], [null, "Cem"]],
  ]);
  assertEquals(remote.isKnown, true);
});

function delta(n: number, joined: readonly PresentMember[], left: readonly string[] = []) {
  return { node: "a", n, joined, left };
}

function part(n: number, members: readonly PresentMember[]) {
  return { room: "x", n, part: 0, isLast: true, members };
}

function namesOf(change: MemberChange | undefined): unknown {
  return change && [change.left, change.joined].map((list) => list.map(({ name }) => name));
}
