import { assertEquals } from "@std/assert";
import { tableHtml } from "../../../../lib/load/report/html_report/table.ts";

Deno.test("tableHtml() has a caption, headers of columns and rows, and escapes texts", () => {
  assertEquals(
    tableHtml({
      caption: "Gates",
      head: ["Gate", "Result"],
      rows: [[{ text: "p99<5ms", is: "code" }, { text: "FAILED", is: "bad" }], ["a & b", "–"]],
    }),
    '<div class="scroll" role="region" aria-label="Gates" tabindex="0">' +
      '<table><caption>Gates</caption><thead><tr><th scope="col">Gate</th>' +
      '<th scope="col">Result</th></tr></thead><tbody>' +
      '<tr><th scope="row" class="code">p99&lt;5ms</th><td class="bad">FAILED</td></tr>' +
      '<tr><th scope="row">a &amp; b</th><td>–</td></tr>' +
      "</tbody></table></div>",
  );
});
