import { ENGINES } from "../../socket/test_app.ts";
import { sendAcrossBreaks } from "./breaks.ts";

for (const engine of ENGINES) {
  for (const isStored of [false, true]) {
    const where = isStored ? "with --data" : "in memory";
    Deno.test(`${engine}, ${where}: a thousand sends across twenty breaks arrive once and in order`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        await sendAcrossBreaks({
          config: { engine, ...isStored ? { data: `${folder}/chat.db` } : {} },
          sendCount: 1000,
          breakCount: 20,
          seed: Math.floor(2 ** 32 * Math.random()),
        });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
