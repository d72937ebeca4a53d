import denoJson from "../../deno.json" with { type: "json" };

/** The version of Chorus. */
export const VERSION: string = denoJson.version;

/** Returns what `--version` prints: the versions of Chorus and Deno. */
export function versionText(): string {
  return `chorus ${VERSION} (deno ${Deno.version.deno})`;
}
