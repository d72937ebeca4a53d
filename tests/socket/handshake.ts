import { ClientHandshake } from "../../lib/websocket/client_handshake.ts";
import { HeadReader } from "../../lib/websocket/http_head.ts";

/** Reads a head, and returns it with the bytes that follow it. */
export async function readHead(conn: Deno.Conn): Promise<{ head: Uint8Array; rest: Uint8Array }> {
  const reader = new HeadReader(16 * 1024);
  for (;;) {
    const piece = new Uint8Array(1024);
    const length = await conn.read(piece);
    if (length === null) throw new Error("The connection was closed within the head");
    const parts = reader.push(piece.subarray(0, length));
    if (parts) return parts;
  }
}

/** Completes the client's side of a handshake. */
export async function shakeHands(conn: Deno.Conn, url: string): Promise<void> {
  const handshake = new ClientHandshake(new URL(url));
  await conn.write(handshake.request);
  handshake.complete((await readHead(conn)).head);
}
