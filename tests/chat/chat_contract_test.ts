import { setImmediate } from "node:timers";
import { chatContract } from "./chat_contract.ts";
import { MemoryBackplane } from "./memory_backplane.ts";
import { MemoryStream } from "./memory_stream.ts";
import { TestChat } from "./test_chat.ts";

chatContract("Chat in one process", (options) => {
  const instance = new TestChat(undefined, options);
  return {
    instances: [instance, instance],
    [Symbol.asyncDispose]: () => Promise.resolve(instance[Symbol.dispose]()),
  };
});

chatContract("Chat over MemoryBackplane", (options) => {
  const stream = new MemoryStream();
  // What one process publishes comes to the other much later.
  const backplanes = [
    new MemoryBackplane(stream),
    new MemoryBackplane(stream, { defer: setImmediate }),
  ] as const;
  const [one, other] = backplanes;
  const instances = [new TestChat(one, options), new TestChat(other, options)] as const;
  return {
    instances,
    disturb: (random) => {
      const what = random();
      const turns = Math.floor(random() * 10);
      const later = (run: () => void, left = turns) =>
        setImmediate(left === 0 ? run : () => later(run, left - 1));
      if (what < 0.05) {
        stream.hold();
        later(() => stream.release());
      } else if (what < 0.15) {
        const backplane = backplanes[what < 0.1 ? 0 : 1];
        backplane.isPaused = true;
        later(() => backplane.isPaused = false);
      } else if (what < 0.18 && stream.outage === undefined) {
        stream.startOutage("NATS is down");
        later(() => stream.endOutage());
      }
    },
    store: {
      hold: () => stream.hold(),
      release: () => stream.release(),
      backlogBytes: one.maxHeldBytes / 4,
    },
    [Symbol.asyncDispose]: async () => {
      for (const instance of instances) instance[Symbol.dispose]();
      for (const backplane of backplanes) await backplane[Symbol.asyncDispose]();
    },
  };
});
