import { assertStringIncludes } from "@std/assert";
import { bannerText } from "../../lib/server/banner.ts";

Deno.test("bannerText() suggests a deno command", () => {
  const text = bannerText(new URL("http://127.0.0.1:8000/"), "/usr/bin/deno");
  assertStringIncludes(text, "listening on http://127.0.0.1:8000/");
  assertStringIncludes(text, "  deno task client --count 9\n");
});

Deno.test("bannerText() suggests an npx command and the port if they are needed", () => {
  const text = bannerText(
    new URL("http://127.0.0.1:9000/"),
    "/root/.npm/_npx/1/node_modules/deno/deno",
  );
  assertStringIncludes(
    text,
    `npx -y deno@${Deno.version.deno} task client --count 9 --url ws://127.0.0.1:9000/ws\n`,
  );
});

Deno.test("bannerText() suggests wss if the server has a certificate", () => {
  const text = bannerText(new URL("https://127.0.0.1:8000/"), "/usr/bin/deno");
  assertStringIncludes(text, "task client --count 9 --url wss://127.0.0.1:8000/ws\n");
});
