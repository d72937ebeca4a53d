import { ENGINES } from "../socket/test_app.ts";
import { DIRECT, SERVE } from "./expected.ts";
import { withstandAll } from "./suite.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: bystanders notice nothing of any attack`, async (test) => {
    await withstandAll(test, {
      flags: ["--engine", engine],
      sizeOf: ({ smallSize }) => smallSize,
      expected: engine === "direct" ? DIRECT : SERVE,
      messageCount: 10,
    });
  });
}
