import denoJson from "../../deno.json" with { type: "json" };

/** What `--version` prints: this program's version and that of the runtime. */
export function versionText(): string {
  return `chorus ${denoJson.version} (deno ${Deno.version.deno})`;
}
