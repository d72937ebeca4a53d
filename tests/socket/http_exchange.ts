import { HANDSHAKE_HEADERS, type RawPeer } from "./raw_peer.ts";

/** A valid handshake. */
export const UPGRADE = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");

/** A request that is answered with 200 and `ok`. */
export const HEALTH = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/** A request that is answered with 200 and `ready`, or with 503 and the reasons. */
export const READINESS = HEALTH.replace("/healthz", "/readyz");

/** A request to publish, without its body. */
export function postHead(...fields: readonly string[]): string {
  return [
    "POST /rooms/lobby/messages HTTP/1.1",
    "Host: 127.0.0.1",
    "Content-Type: text/plain",
    ...fields,
    "",
    "",
  ].join("\r\n");
}

/** Reads a response that has a Content-Length, or no body. Returns its status and its body. */
export async function readResponse(peer: RawPeer): Promise<{ status: number; body: string }> {
  const head = await peer.readHead();
  const length = Number(head.match(/\r\ncontent-length: (\d+)/i)?.[1] ?? 0);
  const body = new TextDecoder().decode(await peer.read(length));
  return { status: Number(head.split(" ")[1]), body };
}

/** Sends a request, reads its response, and returns the status. */
export async function exchange(peer: RawPeer, request: string): Promise<number> {
  await peer.send(request);
  return (await readResponse(peer)).status;
}

/** The status codes of the responses in a text. */
export function statusesIn(text: string): number[] {
  return Array.from(text.matchAll(/HTTP\/1\.[01] (\d{3})/g), ([, status]) => Number(status));
}
