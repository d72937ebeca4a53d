import { assertEquals, assertThrows } from "@std/assert";
import {
  checkWritable,
  OutputFileError,
  writeOutput,
} from "../../../lib/load/report/output_file.ts";

function folder() {
  const path = Deno.makeTempDirSync();
  const names = () => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return { path, names, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

Deno.test("checkWritable() removes the files that it created, unless they were written", () => {
  using files = folder();
  const [old, written, unwritten] = ["old", "written", "unwritten"].map((name) =>
    `${files.path}/${name}`
  );
  Deno.writeTextFileSync(old!, "");
  {
    using _created = checkWritable([old!, "", written!, unwritten!]);
    assertEquals(files.names(), ["old", "unwritten", "written"]);
    writeOutput({ path: written!, text: "a" });
  }
  assertEquals(files.names(), ["old", "written"]);
});

Deno.test("checkWritable() creates no file if one of them cannot be written", () => {
  using files = folder();
  const wrong = `${files.path}/nowhere/b`;
  const error = assertThrows(() => checkWritable([`${files.path}/a`, wrong]), OutputFileError);
  assertEquals(error.message, `Cannot write ${wrong}: its folder does not exist`);
  assertEquals(files.names(), []);
});

Deno.test("checkWritable() does not change a file", () => {
  using files = folder();
  const path = `${files.path}/a`;
  Deno.writeTextFileSync(path, "text");
  checkWritable([path])[Symbol.dispose]();
  assertEquals(Deno.readTextFileSync(path), "text");
});
