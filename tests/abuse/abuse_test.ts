import { ENGINES } from "../socket/test_app.ts";
import { DIRECT, SERVE } from "./expected.ts";
import { withstandAll } from "./suite.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: bystanders notice nothing of any attack`, async (test) => {
    await withstandAll(test, {
      // Attackers run beside other tests, so they may have to wait for a second or two.
      flags: [
        ...["--engine", engine],
        ...["--handshake-timeout", "4s", "--request-timeout", "4s"],
      ],
      sizeOf: ({ smallSize }) => smallSize,
      expected: engine === "direct" ? DIRECT : SERVE,
      messageCount: 10,
    });
  });
}
