import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { MAX_FLUSH_MESSAGES } from "../../../lib/cluster/stream/flush.ts";
import {
  decodeFlush,
  encodeFlush,
  firstSeqOf,
  lastSeqOf,
} from "../../../lib/cluster/stream/flush.ts";
import { NatsLink } from "../../../lib/cluster/connection/nats_link.ts";
import { RecentFlushes } from "../../../lib/cluster/stream/recent_flushes.ts";
import { roomSubject } from "../../../lib/cluster/stream/room_subject.ts";
import { SharedRecords } from "../../../lib/cluster/shared_records.ts";
import { STREAM } from "../../../lib/cluster/stream/stream_setup.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import type { NatsServer } from "../../cluster/nats_server.ts";

/** How many publishes are under way. */
const WINDOW = 256;

/** Messages to store in a room that has none. */
export interface StoredMessages {
  readonly room: string;
  readonly count: number;
  /** How many messages to put in one flush. */
  readonly perFlush: number;
  /** Return the position before so many of the newest messages. */
  readonly since: number;
}

/**
 * Stores messages as nodes do, but with many publishes under way. A node must have created the
 * stream, and nobody else may publish. Returns a position: see {@linkcode StoredMessages.since}.
 */
export async function storeMessages(
  nats: NatsServer,
  { room, count, perFlush, since }: StoredMessages,
): Promise<string> {
  if (perFlush > MAX_FLUSH_MESSAGES) throw new RangeError(`Too many messages: ${perFlush}`);
  const link = await NatsLink.connect({ servers: [nats.url], name: "bench", startTimeoutMs: 5000 });
  const client = jetstream(link.connection);
  const manager = await jetstreamManager(link.connection);
  const info = await manager.streams.info(STREAM);
  const { name: epoch } = await (await SharedRecords.open({ link, client }, 1)).epoch(info);
  const author = { id: crypto.randomUUID(), name: "Ann" };
  const message = { opcode: OPCODE.text, bytes: new Uint8Array(24).fill(0x78), author } as const;
  const recent = new RecentFlushes(0);
  let after = 0;
  let seqSince = 0;
  const underWay: Promise<unknown>[] = [];
  for (let stored = 0, streamSeq = info.state.last_seq + 1; stored < count; streamSeq++) {
    const length = Math.min(perFlush, count - stored);
    const tail = recent.tail || streamSeq;
    const head = { epoch, node: "bench", number: streamSeq, after, tail };
    const payload = encodeFlush(head, Array.from({ length }, () => message));
    const flush = decodeFlush(payload, { streamSeq, atMs: Date.now() })!;
    recent.append(flush);
    after = lastSeqOf(flush);
    const missing = count - since - stored;
    if (missing > 0 && missing <= length) seqSince = firstSeqOf(streamSeq) + missing - 1;
    underWay.push(client.publish(roomSubject(room), payload));
    if (underWay.length > WINDOW) await underWay.shift();
    stored += length;
  }
  await Promise.all(underWay);
  await link.connection.close();
  return `${epoch}-${seqSince}`;
}
