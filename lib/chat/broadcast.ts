import type { Connection } from "./registry.ts";

/** How a broadcast went. */
export interface BroadcastResult<C extends Connection> {
  /** How many connections took the message. */
  readonly delivered: number;
  /** Those whose transport refused it. The caller gives them up. */
  readonly failed: readonly { readonly connection: C; readonly error: unknown }[];
}

/** Who gets a message besides the others. */
export interface BroadcastOptions {
  /** Also return the message to its sender. */
  readonly echo: boolean;
}

/**
 * Sends a message, unchanged, to every open connection but its sender's.
 *
 * A connection that throws on `send` is reported and skipped. Without that, with A, B and C in the room and B's transport
 * broken, A's message would reach B's exception and never C.
 */
export function broadcast<C extends Connection>(
  connections: Iterable<C>,
  senderId: string,
  message: string | ArrayBuffer,
  { echo }: BroadcastOptions,
): BroadcastResult<C> {
  let delivered = 0;
  const failed: { connection: C; error: unknown }[] = [];
  for (const connection of connections) {
    if (!connection.isOpen || (connection.id === senderId && !echo)) continue;
    try {
      connection.send(message);
      delivered++;
    } catch (error) {
      failed.push({ connection, error });
    }
  }
  return { delivered, failed };
}
