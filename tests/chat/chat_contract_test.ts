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
