import { assertEquals } from "@std/assert";
import { AttackedServer } from "./attacked_server.ts";
import { AttackProcess } from "./attack_process.ts";
import { type Attack, ATTACKS } from "./attacks.ts";
import { Bystanders, BYSTANDERS_ROOM } from "./bystanders.ts";

/** How to run all attacks. */
export interface SuiteOptions {
  readonly flags: readonly string[];
  readonly sizeOf: (attack: Attack) => number;
  /**
   * What an attacker must get. `N` stands for the size of the attack. If its connections stay
   * `open`, the suite ends the attack after a while.
   */
  readonly expected: Readonly<Record<string, string>>;
  /** How many messages the bystanders publish while connections of an attacker stay open. */
  readonly messageCount: number;
}

/** A server that lets an attack go on for longer has failed. */
const MAX_ATTACK_MS = 60_000;

/**
 * Attacks a server in turn, while a room of bystanders talks in it. Checks what the attackers got,
 * that the bystanders noticed nothing, and that no attacker is left.
 */
export async function withstandAll(test: Deno.TestContext, options: SuiteOptions): Promise<void> {
  const { flags, sizeOf, expected, messageCount } = options;
  await using server = await AttackedServer.start(flags);
  await using attacker = new AttackProcess();
  using bystanders = await Bystanders.join(server.port);
  const target = { port: server.port, room: BYSTANDERS_ROOM };
  bystanders.start();
  assertEquals(Object.keys(expected), ATTACKS.map(({ name }) => name));
  for (const attack of ATTACKS) {
    await test.step(attack.name, async () => {
      const size = sizeOf(attack);
      const wanted = expected[attack.name]!.replace("N", `${size}`);
      const end = new AbortController();
      const signal = AbortSignal.any([end.signal, AbortSignal.timeout(MAX_ATTACK_MS)]);
      const over = attacker.run(attack.name, target, { size, paceMs: 50, signal });
      await bystanders.hear(messageCount);
      if (wanted.endsWith("open")) end.abort();
      assertEquals(await over, wanted);
      await bystanders.catchUp();
      assertEquals(bystanders.faults, []);
    });
  }
  await bystanders.settle();
  assertEquals(bystanders.faults, []);
  assertEquals(await server.connectionCount(), bystanders.count);
  assertEquals(await server.stop(), []);
}
