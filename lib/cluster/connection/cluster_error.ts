/** Processes cannot work together through NATS. The message says why, and what to do about it. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
}
