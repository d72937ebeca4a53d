import { AckPolicy, JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { answersSubject, NODES_SUBJECT } from "./presence/presence_channel.ts";
import { roomSubject } from "./stream/room_subject.ts";
import { STREAM } from "./stream/stream_setup.ts";
import type { StreamClients } from "./stream/subject_reader.ts";

/** A name that the stream does not have, so that it refuses a publish. */
const OTHER_STREAM = `${STREAM}-none`;

/** A stream refuses a publish for another stream. */
const OTHER_STREAM_EXPECTED = 10060;

/** A publish and its reader do not exist for long. */
const READER_IDLE_NS = 10_000_000_000;

/**
 * Checks that this user may do what is needed later: publish in rooms, read the stream, and tell
 * other processes about presence. Nothing is stored, and other processes see nothing of it.
 *
 * @throws {errors.PermissionViolationError} If it may not; also as the cause.
 */
export async function checkAccess(
  { link, client, manager }: StreamClients,
  node: string,
): Promise<void> {
  const { connection } = link;
  const expect = { streamName: OTHER_STREAM };
  await client.publish(roomSubject("lobby"), "", { expect }).catch((error) => {
    if (!(error instanceof JetStreamApiError) || error.code !== OTHER_STREAM_EXPECTED) throw error;
  });
  const { name } = await manager.consumers.add(STREAM, {
    ack_policy: AckPolicy.None,
    inactive_threshold: READER_IDLE_NS,
    mem_storage: true,
    num_replicas: 1,
  });
  await manager.consumers.delete(STREAM, name);

  // Nobody hears this yet.
  const answers = answersSubject(node);
  await connection.request(answers).catch((error) => {
    if (!(error instanceof errors.RequestError && error.isNoResponders())) throw error;
  });
  let violation: Error | undefined;
  const subscriptions = [NODES_SUBJECT, answers].map((subject) =>
    connection.subscribe(subject, {
      callback: (error) => {
        violation ??= error ?? undefined;
      },
    })
  );
  // NATS answers in order, so it has reported a violation before.
  await connection.flush();
  for (const subscription of subscriptions) subscription.unsubscribe();
  if (violation) throw violation;
}
