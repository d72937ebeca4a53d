import denoJson from "../../deno.json" with { type: "json" };

/** Returns what `--version` prints: the versions of Chorus and Deno. */
export function versionText(): string {
  return `chorus ${denoJson.version} (deno ${Deno.version.deno})`;
}
