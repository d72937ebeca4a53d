import type { FlagTable } from "../../cli/flags/flag.ts";

/** What connects several servers. */
export const CLUSTER_FLAGS = {
  nats: {
    kind: "list",
    default: [],
    value: "URL",
    isCommon: true,
    help: "NATS server with JetStream that connects several servers; repeatable",
  },
} as const satisfies FlagTable;
