import { getLogger } from "@logtape/logtape";
import { NatsBackplane } from "../../lib/cluster/nats_backplane.ts";
import { chatContract } from "../chat/chat_contract.ts";
import { TestChat } from "../chat/test_chat.ts";
import { isNatsMissing, NatsServer } from "./nats_server.ts";

const MAX_HELD_BYTES = 1_000_000;

async function openBackplane(url: string): Promise<NatsBackplane> {
  return await NatsBackplane.open({
    servers: [url],
    replicas: 1,
    historyMessages: 0,
    historyAgeMs: 0,
    maxHeldBytes: MAX_HELD_BYTES,
    presenceTtlMs: 10_000,
    logger: getLogger(["chorus", "test"]),
  });
}

/** Nobody answers for a while. */
async function pause(server: NatsServer, ms: number): Promise<void> {
  await server.stop();
  await new Promise((resolve) => setTimeout(resolve, ms));
  server.cont();
}

if (!isNatsMissing) {
  chatContract("Chat over NatsBackplane", async (options) => {
    const server = await NatsServer.start();
    const backplanes = await Promise.all([openBackplane(server.url), openBackplane(server.url)]);
    const [one, other] = backplanes;
    const instances = [new TestChat(one, options), new TestChat(other, options)] as const;
    let fault: Promise<void> | undefined;
    return {
      instances,
      disturb: (random) => {
        const what = random();
        if (fault || what >= 0.06) return;
        const end = what < 0.02 ? server.restart() : pause(server, 300 * random());
        fault = end.then(() => fault = undefined);
      },
      store: {
        hold: () => server.stop(),
        release: () => server.cont(),
        backlogBytes: MAX_HELD_BYTES / 4,
      },
      [Symbol.asyncDispose]: async () => {
        await fault;
        for (const instance of instances) instance[Symbol.dispose]();
        for (const backplane of backplanes) await backplane[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  });
}
