import type { FlagTable } from "../../cli/flags/flag.ts";

/** What the chat relays, and how. */
export const CHAT_FLAGS = {
  binary: {
    kind: "switch",
    default: false,
    help: "Relay binary messages; without it, they close the sender's connection with 1003",
  },
  echo: {
    kind: "switch",
    default: false,
    help: "Also send each message back to its sender",
  },
  greeting: {
    kind: "text",
    default: "",
    value: "TEXT",
    allowsEmptyText: true,
    help: "Text to send to each new plain text connection",
  },
} as const satisfies FlagTable;
