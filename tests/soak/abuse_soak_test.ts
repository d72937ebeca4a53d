import { DIRECT } from "../abuse/expected.ts";
import { withstandAll } from "../abuse/suite.ts";

Deno.test("bystanders notice nothing of 10,000 half-open handshakes and other full attacks", async (test) => {
  await withstandAll(test, {
    // Without a rate, a member that floods the bystanders' room is a message to each of them. With
    // it, an attack by messages goes on until the suite ends it.
    flags: [
      ...["--message-rate", "200/s"],
      ...["--handshake-timeout", "500ms", "--request-timeout", "500ms"],
    ],
    sizeOf: ({ fullSize }) => fullSize,
    expected: {
      ...DIRECT,
      "fast member in a room of its own": "1 × open",
      "fast member in the bystanders' room": "1 × open",
      "member token guessing by renewing": "1 × open",
    },
    messageCount: 300,
  });
});
