import { plainText, type TextResponse } from "./api_response.ts";

/** Returns why the server should get no new clients at the moment, or undefined. */
export type ReadinessCheck = () => string | undefined;

/**
 * Answers a probe of a load balancer or a supervisor.
 *
 * - `health`: 200, which shows that the event loop runs.
 * - `readiness`: 200, or 503 with the reasons of the checks that fail, one per line.
 */
export function probeResponse(
  kind: "health" | "readiness",
  checks: readonly ReadinessCheck[],
): TextResponse {
  if (kind === "health") return plainText(200, "ok", NOT_STORED);
  const reasons = checks.flatMap((check) => check() ?? []);
  return reasons.length === 0
    ? plainText(200, "ready", NOT_STORED)
    : plainText(503, reasons.join("\n"), { ...NOT_STORED, "retry-after": "1" });
}

/** A cached answer would hide the state of the server. */
const NOT_STORED = { "cache-control": "no-store" };
