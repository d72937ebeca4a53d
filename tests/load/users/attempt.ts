import { type Attempt, connect, type Target } from "../../../lib/load/users/connection/connect.ts";
import type { ConnectFailure } from "../../../lib/load/users/connection/connect_failure.ts";
import { Heartbeat } from "../../../lib/websocket/heartbeat.ts";

const DEADLINES = { pingIntervalMs: 0, pongTimeoutMs: 0, stallTimeoutMs: 0, closeTimeoutMs: 5000 };

/** The target of a test, without headers or TLS settings. */
export function targetAt(url: string): Target {
  const tls = { caCerts: undefined, isInsecure: false };
  const addresses = { lookup: undefined, localAddresses: [] };
  return { url, headers: {}, protocols: [], ...tls, ...addresses, deadlines: DEADLINES };
}

/**
 * Attempts to connect.
 *
 * @returns Why it failed.
 * @throws If it did not fail.
 */
export async function failureAt(target: Target): Promise<ConnectFailure> {
  using heartbeat = new Heartbeat(target.deadlines);
  const attempt: Attempt = await connect(target, {
    user: { ...target, id: 0 },
    timeoutMs: 5000,
    signal: new AbortController().signal,
    clock: heartbeat,
    heartbeat,
    reading: "everything",
    onMessage: () => {},
  });
  if ("failure" in attempt) return attempt.failure;
  throw new Error("The attempt did not fail");
}
