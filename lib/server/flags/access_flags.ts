import type { FlagTable } from "../../cli/flags/flag.ts";

/** Who may use the chat, and who may administer it. */
export const ACCESS_FLAGS = {
  adminTokenFile: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "File with the token of administrators; it enables the API under /admin",
  },
} as const satisfies FlagTable;
