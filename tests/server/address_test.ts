import { assertEquals } from "@std/assert";
import { formatAddress, parseAddress } from "../../lib/server/address.ts";

Deno.test("parseAddress() reads what formatAddress() writes, and host names", () => {
  const texts = ["127.0.0.1:9464", "[::1]:0", "0.0.0.0:65535", "metrics.example:80"];
  for (const text of texts) assertEquals(formatAddress(parseAddress(text)!), text);
});

Deno.test("parseAddress() returns undefined for anything else", () => {
  const texts = ["", "9464", ":9464", "::1:9464", "[::1]", "host:", "host:65536", "host:-1"];
  for (const text of [...texts, "http://host:1", "host:1/metrics", "a b:1", "host:1x"]) {
    assertEquals(parseAddress(text), undefined, text);
  }
});
